/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames that a LiveKit server makes itself: filler pictures and silence, in the clear, marked with
// a trailer that the server announces to its clients.
#pragma once

#include <optional>

#include "core/bytes.h"

namespace e2ee {

/// Shorter trailers would match encrypted frames by chance.
inline constexpr std::size_t kMinServerTrailer = 7;

/// Whether `frame` ends with `trailer`, which is not empty.
bool ends_with(ByteView frame, ByteView trailer);

/// Whether `payload` is one of the fillers that LiveKit publishes: an 8x8 VP8 key frame, 80 bytes
/// of Opus silence, or a NAL unit of a 2x2 H.264 key frame.
bool is_known_filler(ByteView payload);

/// How many bytes stand behind LiveKit's 2x2 H.264 key frame, which `frame` is, with start codes or
/// lengths of four bytes; none: it is another frame. The server writes `trailer` behind the NAL
/// units of the packet, where depayloaders take it for another NAL unit or drop it.
std::optional<std::size_t> h264_filler_tail(ByteView frame, ByteView trailer);

}  // namespace e2ee
