// SPDX-License-Identifier: LGPL-2.1-or-later
#include "keyframe.h"

namespace publish {
namespace {

constexpr unsigned kIdr = 5, kSps = 7, kPps = 8;

bool begins_h264(const std::uint8_t *data, std::size_t size) {
  unsigned found = 0;  // a bit for each type
  for (std::size_t at = 0; at + 3 < size; ++at) {
    if (data[at] != 0 || data[at + 1] != 0 || data[at + 2] != 1)
      continue;
    found |= 1U << (data[at + 3] & 0x1f);
    at += 2;
    if (found & 1U << kIdr)  // parameter sets come first
      break;
  }
  constexpr unsigned kAll = 1U << kIdr | 1U << kSps | 1U << kPps;
  return (found & kAll) == kAll;
}

// The uncompressed header: frame marker (2 bits), profile (2, of profile 3 one more),
// show_existing_frame, then frame_type.
bool begins_vp9(const std::uint8_t *data, std::size_t size) {
  if (size == 0 || data[0] >> 6 != 2)
    return false;
  const unsigned shift = vp9_profile(data, size) == 3 ? 2 : 3;
  const bool shows_existing = data[0] >> shift & 1;
  const bool is_delta = data[0] >> (shift - 1) & 1;
  return !shows_existing && !is_delta;
}

}  // namespace

// Its lower bit comes first.
unsigned vp9_profile(const std::uint8_t *data, std::size_t size) {
  return size == 0 ? 0 : (data[0] >> 5 & 1) | (data[0] >> 3 & 2);
}

bool is_key_frame(Codec codec, const std::uint8_t *data, std::size_t size) {
  switch (codec) {
    case Codec::kVp8:
      return size > 0 && (data[0] & 1) == 0;
    case Codec::kVp9:
      return begins_vp9(data, size);
    case Codec::kH264:
      return begins_h264(data, size);
    case Codec::kOpus:
      return true;
  }
  return false;
}

}  // namespace publish
