/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

#include <gst/gst.h>

namespace e2ee::rtp {

namespace {

// Order decides what a peer that takes anything is offered first.
constexpr std::array<const Format *, 4> kFormats = {&vp8_format, &vp9_format, &opus_format,
                                                    &multiopus_format};

}  // namespace

std::span<const Format *const> formats() {
  return kFormats;
}

unsigned picture_id_mask(PictureIdMode mode) {
  switch (mode) {
    case PictureIdMode::Bits7:
      return 0x7f;
    case PictureIdMode::Bits15:
      return 0x7fff;
    case PictureIdMode::None:
      break;
  }
  return 0;
}

void Numbering::count_layers(const Frame &frame) {
  layered = layered || frame.has_layers;
  // A picture counts once, by its lowest spatial layer.
  if (layered && frame.temporal_layer == 0 && frame.spatial_layer == 0)
    tl0picidx++;
}

void Descriptor::put_picture_id(const Numbering &numbering) {
  const unsigned id = numbering.picture_id & picture_id_mask(numbering.mode);
  if (numbering.mode == PictureIdMode::Bits7)
    put8(id);
  else if (numbering.mode == PictureIdMode::Bits15)
    put16(0x8000 | id);
}

const Format *format_for_frame_caps(const GstCaps *caps) {
  for (const Format *format : formats()) {
    GstCaps *own = frame_caps_of(*format);
    const bool fits = gst_caps_is_subset(caps, own);
    gst_caps_unref(own);
    if (fits)
      return format;
  }
  return nullptr;
}

GstCaps *frame_caps_of(const Format &format) {
  return gst_caps_from_string(format.frame_caps);
}

GstCaps *rtp_caps_of(const Format &format, const char *encoding_name) {
  // Payload types from 96 are free for formats without a fixed number (RFC 3551).
  return gst_caps_new_simple("application/x-rtp", "media", G_TYPE_STRING, format.media, "payload",
                             GST_TYPE_INT_RANGE, 96, 127, "clock-rate", G_TYPE_INT,
                             static_cast<int>(format.clock_rate), "encoding-name", G_TYPE_STRING,
                             encoding_name, nullptr);
}

GstCaps *all_frame_caps() {
  GstCaps *caps = gst_caps_new_empty();
  for (const Format *format : formats())
    gst_caps_append(caps, frame_caps_of(*format));
  return caps;
}

GstCaps *all_rtp_caps() {
  GstCaps *caps = gst_caps_new_empty();
  for (const Format *format : formats())
    for (const char *name : format->encoding_names)
      if (name != nullptr)
        gst_caps_append(caps, rtp_caps_of(*format, name));
  return caps;
}

}  // namespace e2ee::rtp
