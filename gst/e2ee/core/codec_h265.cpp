/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.265, NAL unit types of table 7-1.
#include <algorithm>

#include "core/bits.h"
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
  kFiller = 38,  // behind it and the delimiter: ends of sequence and stream
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
  if (type > kDelimiter && type <= kFiller)
    return NalKind::filler;
  return type == kPrefixSei ? NalKind::sei : NalKind::other;
}

bool is_sps(std::uint8_t first_byte) {
  return type_of(first_byte) == kSps;
}

// profile_tier_level() of section 7.3.3.
void skip_profile(BitReader &reader, unsigned sub_layers) {
  constexpr unsigned kProfile = 88;
  constexpr unsigned kLevel = 8;
  const auto skip = [&reader](unsigned bits) {
    for (; bits > 0; --bits)
      reader.bits(1);
  };
  skip(kProfile + kLevel);
  unsigned more = 0;  // bits, of the sub-layers that say so in the flags
  for (unsigned i = 0; i < sub_layers; ++i) {
    more += reader.bits(1) * kProfile;
    more += reader.bits(1) * kLevel;
  }
  if (sub_layers > 0)
    skip(2 * (8 - sub_layers));
  skip(more);
}

// Sections 7.3.2.1 to 7.3.2.3. Those of further layers are read in other ways.
std::optional<unsigned> set_id(ByteView unit) {
  constexpr std::size_t kUpToId = 160;
  if (unit.size() < 2 || kind(unit[0]) != NalKind::parameter_set || (unit[0] & 1) != 0 ||
      unit[1] >> 3 != 0)
    return {};
  const std::vector<std::uint8_t> plain = unescaped(unit.first(std::min(unit.size(), kUpToId)));
  BitReader reader(plain);
  reader.bits(16);  // header of the NAL unit
  const unsigned type = type_of(unit[0]);
  if (type == kSps) {
    reader.bits(4);  // of its VPS
    const unsigned sub_layers = reader.bits(3);
    reader.bits(1);
    skip_profile(reader, sub_layers);
  }
  const unsigned id = type == kVps ? reader.bits(4) : reader.golomb();
  return reader.ok() ? std::optional(id) : std::nullopt;
}

constexpr NalRule kRule = {2, 0x7e, kind, is_sps, set_id, false, nullptr, nullptr};

FrameType frame_type(ByteView frame) {
  return is_key_frame(frame, kRule) ? FrameType::key : FrameType::delta;
}

}  // namespace

// Payloaders read the size from the parameter sets, which stay in the clear.
const CodecRule kH265 = {.id = CodecId::h265,
                         .name = "H.265",
                         .media_type = "video/x-h265",
                         .rtp_name = "H265",
                         .video = true,
                         .read_type = frame_type,
                         .nal = &kRule,
                         .alignment = "au"};

}  // namespace e2ee
