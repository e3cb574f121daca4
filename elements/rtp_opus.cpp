/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

#include <cstring>

#include "rtp_format.h"

// RFC 7587: RTP payload format for Opus, and libwebrtc's "multiopus" for more than two channels.
namespace e2ee::rtp {

namespace {

// SDP parameters are strings in RTP caps.
void set_number(GstStructure *rtp_caps, const char *field, int value) {
  gchar text[16];
  g_snprintf(text, sizeof text, "%d", value);
  gst_structure_set(rtp_caps, field, G_TYPE_STRING, text, nullptr);
}

void copy_number(const GstStructure *from, const char *from_field, GstStructure *to,
                 const char *to_field) {
  int value = 0;
  if (gst_structure_get_int(from, from_field, &value))
    set_number(to, to_field, value);
}

void describe_opus(const GstStructure *frame_caps, GstStructure *rtp_caps) {
  int channels = 0;
  if (gst_structure_get_int(frame_caps, "channels", &channels))
    set_number(rtp_caps, "sprop-stereo", channels == 2 ? 1 : 0);
  // RFC 7587 wants 2 for mono, too.
  set_number(rtp_caps, "encoding-params", 2);
  copy_number(frame_caps, "rate", rtp_caps, "sprop-maxcapturerate");
}

void set_channel_mapping(const GstStructure *frame_caps, GstStructure *rtp_caps) {
  const GValue *mapping = gst_structure_get_value(frame_caps, "channel-mapping");
  if (mapping == nullptr || !GST_VALUE_HOLDS_ARRAY(mapping))
    return;
  GString *text = g_string_new(nullptr);
  for (guint i = 0; i < gst_value_array_get_size(mapping); i++) {
    const GValue *channel = gst_value_array_get_value(mapping, i);
    if (G_VALUE_HOLDS_INT(channel))
      g_string_append_printf(text, "%s%d", i > 0 ? "," : "", g_value_get_int(channel));
  }
  gst_structure_set(rtp_caps, "channel_mapping", G_TYPE_STRING, text->str, nullptr);
  g_string_free(text, TRUE);
}

void describe_multiopus(const GstStructure *frame_caps, GstStructure *rtp_caps) {
  copy_number(frame_caps, "channels", rtp_caps, "encoding-params");
  copy_number(frame_caps, "stream-count", rtp_caps, "num_streams");
  copy_number(frame_caps, "coupled-count", rtp_caps, "coupled_streams");
  set_channel_mapping(frame_caps, rtp_caps);
  copy_number(frame_caps, "rate", rtp_caps, "sprop-maxcapturerate");
}

// `stereo` is the receiver's wish in SDP; a mono encoder saves both sides work.
bool prefer_channels(const GstStructure *rtp_caps, GstStructure *frame_caps) {
  const char *stereo = gst_structure_get_string(rtp_caps, "stereo");
  if (stereo == nullptr || (std::strcmp(stereo, "0") != 0 && std::strcmp(stereo, "1") != 0))
    return false;
  gst_structure_set(frame_caps, "channels", G_TYPE_INT, stereo[0] == '1' ? 2 : 1, nullptr);
  return true;
}

}  // namespace

constinit const Format opus_format = {
    // Without channels, since caps of remuxed streams may lack them.
    .frame_caps = "audio/x-opus, channel-mapping-family = (int) 0",
    .media = "audio",
    .encoding_names = {"OPUS", "X-GST-OPUS-DRAFT-SPITTKA-00"},
    .clock_rate = 48000,
    .splits = false,
    .spatial_layers = false,
    .write_descriptor = nullptr,
    .describe_rtp_caps = describe_opus,
    .prefer_frame_caps = prefer_channels,
};

constinit const Format multiopus_format = {
    .frame_caps = "audio/x-opus, channel-mapping-family = (int) 1, channels = (int) [ 3, 255 ]",
    .media = "audio",
    .encoding_names = {"MULTIOPUS", nullptr},
    .clock_rate = 48000,
    .splits = false,
    .spatial_layers = false,
    .write_descriptor = nullptr,
    .describe_rtp_caps = describe_multiopus,
    .prefer_frame_caps = nullptr,
};

}  // namespace e2ee::rtp
