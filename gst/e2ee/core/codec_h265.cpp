/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.265, NAL unit types of table 7-1.
#include "core/codec.h"
#include "core/nal.h"

namespace e2ee {

extern const CodecRule kH265;

namespace {

enum : unsigned {
  kLastTrailing = 9,  // RASL_R, of those that are no key pictures
  kFirstKey = 16,     // BLA_W_LP
  kLastKey = 21,      // CRA_NUT
  kLastVcl = 31,      // all up to this are picture data
  kVps = 32,
  kSps = 33,
  kPps = 34,
  kDelimiter = 35,
  kPrefixSei = 39,
};

unsigned type_of(std::uint8_t first_byte) {
  return (first_byte >> 1) & 0x3f;
}

NalKind kind(std::uint8_t first_byte) {
  const unsigned type = type_of(first_byte);
  if (type <= kLastTrailing)
    return NalKind::slice;
  if (type >= kFirstKey && type <= kLastKey)
    return NalKind::key_slice;
  if (type <= kLastVcl)
    return NalKind::strange_slice;
  if (type >= kVps && type <= kPps)
    return NalKind::parameter_set;
  if (type == kDelimiter)
    return NalKind::delimiter;
  return type == kPrefixSei ? NalKind::sei : NalKind::other;
}

bool is_sps(std::uint8_t first_byte) {
  return type_of(first_byte) == kSps;
}

constexpr NalRule kRule = {2, 0x7e, kind, is_sps, false, nullptr, nullptr};

FrameType frame_type(ByteView frame) {
  return is_key_frame(frame, kRule) ? FrameType::key : FrameType::delta;
}

FrameSize frame_size(ByteView) {
  return {};  // payloaders read it from the parameter sets, which stay in the clear
}

}  // namespace

const CodecRule kH265 = {CodecId::h265, "H.265",    "video/x-h265", true,
                         frame_type,    frame_size, nullptr,        &kRule};

}  // namespace e2ee
