/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frame facts on buffers: read by the payloader, written by the depayloader.
#pragma once

#include <gst/gst.h>

#include "rtp_format.h"

namespace e2ee::rtp {

// What flags and metas of a buffer say. `size` is that of the caps.
Frame read_frame(const Format &format, GstBuffer *buffer, const Size &size);

// Whether the frame is its picture's last. One that knows of no other layers is.
bool ends_picture(GstBuffer *buffer, const Frame &frame);

// Flags and meta for those who cannot read the frame. `buffer` is writable.
void write_frame(GstBuffer *buffer, const Frame &frame, bool ends_picture);

// As the stock elements do it: metas without tags, or with that of the media, go from frame to
// packet and back.
void copy_metas(GstBuffer *frame, GstBuffer *packet);
// What a packet's payload becomes a frame of: nothing of the packet's own but its bytes and such
// metas. Takes the buffer.
GstBuffer *without_packet_facts(GstBuffer *buffer);

}  // namespace e2ee::rtp
