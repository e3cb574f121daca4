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
