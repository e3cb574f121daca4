/* SPDX-License-Identifier: LGPL-2.1-or-later */
// LiveKit's packet trailer, behind frames in buffers.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "core/packettrailer.h"

namespace e2ee {

std::optional<PacketTrailer> packet_trailer_of(GstBuffer *buffer);

/// Cuts `bytes` off the end. Takes the buffer; its memory is kept.
GstBuffer *without_tail(GstBuffer *buffer, gsize bytes);

/// Cuts the trailer off and keeps its capture time as a GstReferenceTimestampMeta, marked as what
/// anyone on the way could have written. Takes the buffer.
GstBuffer *strip_packet_trailer(GstBuffer *buffer, const PacketTrailer &trailer);

/// Appends a trailer with the capture time: that of the buffer's timestamp/x-unix meta, or now. To
/// a byte stream of NAL units it does not append what looks like a start code. Takes the buffer.
GstBuffer *append_packet_trailer(GstBuffer *buffer, bool byte_stream);

}  // namespace e2ee
