/* SPDX-License-Identifier: LGPL-2.1-or-later */
// LiveKit's packet trailer: metadata behind the encrypted frame, neither encrypted nor
// authenticated. Tag, length and value of each field XOR 0xFF, then the trailer's length XOR 0xFF,
// then "LKTS".
#pragma once

#include <optional>

#include "core/bytes.h"

namespace e2ee {

struct PacketTrailer {
  std::size_t size = 0;                     // bytes at the end of the frame
  std::optional<std::uint64_t> capture_us;  // Unix time in microseconds
};

/// Bytes that write_packet_trailer() appends.
inline constexpr std::size_t kPacketTrailerSize = 15;

/// The trailer of `frame`, if it ends with a well-formed one.
std::optional<PacketTrailer> find_packet_trailer(ByteView frame);

/// The capture time to write behind a byte stream of H.264 or H.265, where bytes that look like a
/// start code would end the frame. That is `capture_us` if its bytes do not, or else the latest
/// earlier time whose bytes do not, at most a millisecond before. None if there is no such time.
std::optional<std::uint64_t> capture_time_for_byte_stream(std::uint64_t capture_us);

/// Writes a trailer with the capture time to `out`, kPacketTrailerSize bytes.
void write_packet_trailer(std::uint64_t capture_us, std::uint8_t *out);

}  // namespace e2ee
