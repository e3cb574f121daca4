/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/packettrailer.h"

#include <algorithm>
#include <cstring>

namespace e2ee {

namespace {
constexpr std::uint8_t kMask = 0xff;
constexpr std::uint8_t kTagCaptureTime = 1;
constexpr char kMagic[] = {'L', 'K', 'T', 'S'};
constexpr std::size_t kEnd = 1 + sizeof kMagic;  // length and magic
}  // namespace

std::optional<PacketTrailer> find_packet_trailer(ByteView frame) {
  if (frame.size() < kEnd ||
      std::memcmp(frame.data() + frame.size() - sizeof kMagic, kMagic, sizeof kMagic) != 0)
    return std::nullopt;
  PacketTrailer trailer;
  trailer.size = frame[frame.size() - kEnd] ^ kMask;
  if (trailer.size < kEnd || trailer.size > frame.size())
    return std::nullopt;
  ByteView fields = frame.last(trailer.size).first(trailer.size - kEnd);
  while (!fields.empty()) {
    if (fields.size() < 2)
      return std::nullopt;
    const std::uint8_t tag = fields[0] ^ kMask;
    const std::size_t length = fields[1] ^ kMask;
    if (fields.size() - 2 < length)
      return std::nullopt;
    if (tag == kTagCaptureTime && length == 8) {
      std::uint64_t value = 0;
      for (std::uint8_t byte : fields.subspan(2, length))
        value = value << 8 | (byte ^ kMask);
      trailer.capture_us = value;
    }
    fields = fields.subspan(2 + length);
  }
  return trailer;
}

std::optional<std::uint64_t> capture_time_for_byte_stream(std::uint64_t capture_us) {
  constexpr std::uint64_t kMostEarlier = 1000;
  // Two zeros and one more byte of 0 or 1; what stands around the time is neither.
  const auto looks_like_code = [](std::uint64_t masked) {
    for (int shift = 0; shift <= 40; shift += 8) {
      if ((masked >> shift & 0xffffff) <= 1)
        return true;
    }
    return false;
  };
  for (std::uint64_t earlier = 0; earlier <= std::min(kMostEarlier, capture_us); ++earlier) {
    if (!looks_like_code(~(capture_us - earlier)))
      return capture_us - earlier;
  }
  return std::nullopt;
}

void write_packet_trailer(std::uint64_t capture_us, std::uint8_t *out) {
  std::uint8_t *at = out;
  *at++ = kTagCaptureTime ^ kMask;
  *at++ = 8 ^ kMask;
  store_be64(at, ~capture_us);
  at += 8;
  *at++ = kPacketTrailerSize ^ kMask;
  std::copy(std::begin(kMagic), std::end(kMagic), at);
}

}  // namespace e2ee
