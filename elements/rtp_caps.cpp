/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

#include "buffers/sframertp.h"
#include "rtp_format.h"

// Caps of frames and of their packets.
namespace e2ee::rtp {

namespace {

constexpr PayloadFormat kPayloadFormats[] = {PayloadFormat::Codec, PayloadFormat::SFrame};

bool speaks(const Format &format, const GstStructure *rtp_caps) {
  const GValue *wanted = gst_structure_get_value(rtp_caps, "encoding-name");
  bool found = wanted == nullptr;
  for (const char *name : format.encoding_names) {
    if (name == nullptr || found)
      break;
    GValue own = G_VALUE_INIT;
    g_value_init(&own, G_TYPE_STRING);
    g_value_set_static_string(&own, name);
    found = gst_value_intersect(nullptr, &own, wanted);
    g_value_unset(&own);
  }
  return found;
}

}  // namespace

const Format *format_for_rtp_caps(PayloadFormat which, const GstStructure *rtp_caps) {
  const char *wanted = gst_structure_get_string(rtp_caps, "encoding-name");
  for (const Format *format : formats(which))
    for (const char *name : format->encoding_names)
      if (name != nullptr && wanted != nullptr && g_ascii_strcasecmp(name, wanted) == 0)
        return format;
  return nullptr;
}

const Format *format_for_frame_caps(PayloadFormat which, const GstCaps *caps) {
  const bool sframe = gst_structure_has_field(gst_caps_get_structure(caps, 0), kE2eeField);
  const Format *found = nullptr;
  for (const Format *format : formats(which)) {
    GstCaps *own = frame_caps_of(*format);
    // A codec's own format would tell receivers of frames that these are not.
    const bool fits = format->sframe == sframe && gst_caps_is_subset(caps, own);
    gst_caps_unref(own);
    if (fits && format->received_only)
      return nullptr;  // although it looks like another one, too
    if (fits && found == nullptr)
      found = format;
  }
  return found;
}

GstCaps *frame_caps_of(const Format &format) {
  GstCaps *caps = gst_caps_from_string(format.frame_caps);
  if (!format.sframe)
    return caps;
  GstCaps *marked = with_sframe_rtp(caps);
  gst_caps_unref(caps);
  return marked;
}

GstCaps *FrameCaps::next(const Format &format, const Frame &frame) {
  // Of a picture with all its layers, even if a server leaves some out.
  const Size size =
      frame.spatial_layers > 0 ? frame.layer_sizes[frame.spatial_layers - 1] : frame.size;
  const bool resized = size.width > 0 && size.height > 0 &&
                       (size.width != size_.width || size.height != size_.height);
  if (known_ && !resized)
    return nullptr;
  GstCaps *caps = frame_caps_of(format);
  gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
  if (resized)
    gst_caps_set_simple(caps, "width", G_TYPE_INT, static_cast<int>(size.width), "height",
                        G_TYPE_INT, static_cast<int>(size.height), nullptr);
  known_ = true;
  size_ = size;
  return caps;
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
  for (const PayloadFormat which : kPayloadFormats)
    for (const Format *format : formats(which))
      gst_caps_append(caps, frame_caps_of(*format));
  return caps;
}

static GstCaps *all_rtp_caps_of(bool received) {
  GstCaps *caps = gst_caps_new_empty();
  for (const PayloadFormat which : kPayloadFormats)
    for (const Format *format : formats(which))
      for (const char *name : format->encoding_names)
        if (name != nullptr && (received || !format->received_only))  // the same again is left out
          caps = gst_caps_merge(caps, rtp_caps_of(*format, name));
  return caps;
}

GstCaps *all_rtp_caps() {
  return all_rtp_caps_of(false);
}

GstCaps *all_received_rtp_caps() {
  GstCaps *caps = all_rtp_caps_of(true);
  for (guint i = 0; i < gst_caps_get_size(caps); i++)
    gst_structure_remove_field(gst_caps_get_structure(caps, i), "payload");
  return caps;
}

GstCaps *all_depayloaded_caps() {
  GstCaps *caps = all_frame_caps();
  gst_caps_append(caps,
                  gst_caps_new_simple(kRtpCaps, kE2eeField, G_TYPE_STRING, kSframeRtp, nullptr));
  return caps;
}

const char *choose_encoding_name(const Format &format, GstCaps *allowed) {
  for (const char *name : format.encoding_names) {
    if (name == nullptr || allowed == nullptr)
      break;
    GstCaps *caps = rtp_caps_of(format, name);
    const bool fits = gst_caps_can_intersect(caps, allowed);
    gst_caps_unref(caps);
    if (fits)
      return name;
  }
  return format.encoding_names[0];
}

void append_frame_caps(const Format &format, const GstCaps *peer, GstCaps *caps) {
  if (format.received_only)
    return;
  for (guint i = 0; i < gst_caps_get_size(peer); i++) {
    const GstStructure *rtp_caps = gst_caps_get_structure(peer, i);
    if (!speaks(format, rtp_caps))
      continue;
    GstCaps *frame_caps = frame_caps_of(format);
    if (format.prefer_frame_caps != nullptr &&
        format.prefer_frame_caps(rtp_caps, gst_caps_get_structure(frame_caps, 0)))
      gst_caps_append(caps, frame_caps);
    else
      gst_caps_unref(frame_caps);
    gst_caps_append(caps, frame_caps_of(format));
    return;
  }
}

}  // namespace e2ee::rtp
