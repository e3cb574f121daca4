/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.264, NAL unit types of table 7-1, slice header of section 7.3.3.
#include <algorithm>
#include <bit>

#include "core/codec.h"
#include "core/nal.h"

namespace e2ee {

extern const CodecRule kH264;

namespace {

enum : unsigned {
  kSlice = 1,
  kPartitionA = 2,
  kPartitionC = 4,
  kIdr = 5,
  kSei = 6,
  kSps = 7,
  kPps = 8,
  kDelimiter = 9,
  kSpsExtension = 13,
  kSubsetSps = 15,
  kAuxiliarySlice = 19,
  kLastSliceExtension = 21
};

unsigned type_of(std::uint8_t first_byte) {
  return first_byte & 0x1f;
}

// Partitions, auxiliary slices and those of extensions are not among the slices LiveKit looks for.
bool is_strange_slice(unsigned type) {
  return (type >= kPartitionA && type <= kPartitionC) ||
         (type >= kAuxiliarySlice && type <= kLastSliceExtension);
}

NalKind kind(std::uint8_t first_byte) {
  switch (type_of(first_byte)) {
    case kSlice:
      return NalKind::slice;
    case kIdr:
      return NalKind::key_slice;
    case kSps:
    case kPps:
    case kSpsExtension:
    case kSubsetSps:
      return NalKind::parameter_set;
    case kSei:
      return NalKind::sei;
    case kDelimiter:
      return NalKind::delimiter;
    default:
      return is_strange_slice(type_of(first_byte)) ? NalKind::strange_slice : NalKind::other;
  }
}

bool is_sps(std::uint8_t first_byte) {
  return type_of(first_byte) == kSps;
}

// first_mb_in_slice, slice_type and pic_parameter_set_id: Exp-Golomb codes, section 9.1.
std::optional<unsigned> set_of_slice(ByteView slice) {
  if (type_of(slice[0]) != kIdr)
    return {};
  const ByteView bytes = slice.subspan(1, std::min<std::size_t>(slice.size() - 1, 8));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bits |= std::uint64_t{bytes[i]} << (56 - 8 * i);
  int left = static_cast<int>(8 * bytes.size());
  unsigned value = 0;
  for (unsigned fields = 0; fields < 3; ++fields) {
    const int size = 2 * std::countl_zero(bits) + 1;
    if (size > left)
      return {};
    value = static_cast<unsigned>(bits >> (64 - size)) - 1;
    bits = size < 64 ? bits << size : 0;
    left -= size;
  }
  return value;
}

constexpr NalRule kRule = {1, 0x1f, kind, is_sps, true, set_of_slice};

FrameType frame_type(ByteView frame) {
  return is_key_frame(frame, kRule) ? FrameType::key : FrameType::delta;
}

FrameSize frame_size(ByteView) {
  return {};  // payloaders read it from the parameter sets, which stay in the clear
}

}  // namespace

const CodecRule kH264 = {CodecId::h264, "H.264",    "video/x-h264", true,
                         frame_type,    frame_size, nullptr,        &kRule};

}  // namespace e2ee
