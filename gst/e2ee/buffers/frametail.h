/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What LiveKit puts behind frames: its packet trailer, and the mark of frames its server makes.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "core/packettrailer.h"
#include "core/serverframe.h"
#include "e2ee-enums.h"

namespace e2ee {

/// What the end of a frame says about it.
struct Tail {
  bool from_server = false;        // it ends with the announced trailer, or lost it on the way
  std::size_t server_trailer = 0;  // so many bytes of it
  bool known_filler = false;       // and is one of the published payloads
  std::optional<PacketTrailer> trailer;
};

/// Whether a frame that the server made is to pass.
inline bool may_pass(const Tail &tail, GstE2EEServerFrames wanted) {
  return wanted == GST_E2EE_SERVER_FRAMES_PASS ||
         (wanted == GST_E2EE_SERVER_FRAMES_KNOWN && tail.known_filler);
}

Tail look_at_tail(GstBuffer *buffer, ByteView server_trailer);

/// Cuts `bytes` off the end. Takes the buffer; its memory is kept.
GstBuffer *without_tail(GstBuffer *buffer, gsize bytes);

/// Cuts the trailer off and keeps its capture time as a GstReferenceTimestampMeta, marked as what
/// anyone on the way could have written. Takes the buffer.
GstBuffer *strip_packet_trailer(GstBuffer *buffer, const PacketTrailer &trailer);

/// Appends a trailer with the capture time: that of the buffer's timestamp/x-unix meta, or now. To
/// a byte stream of NAL units it does not append what looks like a start code. Takes the buffer.
GstBuffer *append_packet_trailer(GstBuffer *buffer, bool byte_stream);

/// False unless `hex` is empty or a trailer of permitted length.
bool parse_server_trailer(const std::string &hex, std::vector<std::uint8_t> &trailer);

}  // namespace e2ee
