/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.264, NAL unit types of table 7-1, slice header of section 7.3.3.
#include <algorithm>

#include "core/bits.h"
#include "core/codec.h"
#include "core/nal.h"
#include "core/sps.h"

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
  kEndOfSequence = 10,
  kEndOfStream = 11,
  kFiller = 12,
  kSpsExtension = 13,
  kSubsetSps = 15,
  kAuxiliarySlice = 19,
  kLastSliceExtension = 21
};

constexpr std::size_t kUpToId = 16;  // bytes in which the id of a parameter set is

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
    case kEndOfSequence:
    case kEndOfStream:
    case kFiller:
      return NalKind::filler;
    default:
      return is_strange_slice(type_of(first_byte)) ? NalKind::strange_slice : NalKind::other;
  }
}

bool is_sps(std::uint8_t first_byte) {
  return type_of(first_byte) == kSps;
}

// Sections 7.3.2.1 and 7.3.2.2.
std::optional<unsigned> set_id(ByteView unit) {
  if (kind(unit[0]) != NalKind::parameter_set)
    return {};
  const std::vector<std::uint8_t> plain = unescaped(unit.first(std::min(unit.size(), kUpToId)));
  BitReader reader(plain);
  reader.bits(8);  // header of the NAL unit
  const unsigned type = type_of(unit[0]);
  if (type == kSps || type == kSubsetSps)
    reader.bits(24);  // profile, constraints, level
  const unsigned id = reader.golomb();
  return reader.ok() ? std::optional(id) : std::nullopt;
}

std::optional<unsigned> set_of_slice(ByteView slice) {
  if (type_of(slice[0]) != kIdr)
    return {};
  BitReader reader(slice.subspan(1));
  reader.golomb();  // first_mb_in_slice
  reader.golomb();  // slice_type
  const unsigned id = reader.golomb();
  return reader.ok() ? std::optional(id) : std::nullopt;
}

constexpr NalRule kRule = {1, 0x1f, kind, is_sps, set_id, true, set_of_slice, sps_in_order};

FrameType frame_type(ByteView frame) {
  return is_key_frame(frame, kRule) ? FrameType::key : FrameType::delta;
}

}  // namespace

// Payloaders read the size from the parameter sets, which stay in the clear.
const CodecRule kH264 = {.id = CodecId::h264,
                         .name = "H.264",
                         .media_type = "video/x-h264",
                         .rtp_name = "H264",
                         .video = true,
                         .read_type = frame_type,
                         .nal = &kRule,
                         .alignment = "au"};

}  // namespace e2ee
