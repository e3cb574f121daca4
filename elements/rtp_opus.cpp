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

bool get_number(const GstStructure *rtp_caps, const char *field, int max, int *value) {
  const char *text = gst_structure_get_string(rtp_caps, field);
  guint64 number = 0;
  if (text == nullptr ||
      !g_ascii_string_to_unsigned(text, 10, 0, static_cast<guint64>(max), &number, nullptr))
    return false;
  *value = static_cast<int>(number);
  return true;
}

void copy_rate(const GstStructure *rtp_caps, GstStructure *frame_caps) {
  int rate = 48000;  // unless the sender names a lower one
  get_number(rtp_caps, "sprop-maxcapturerate", G_MAXINT, &rate);
  gst_structure_set(frame_caps, "rate", G_TYPE_INT, rate, nullptr);
}

// A stream that says nothing may be stereo at times, although RFC 7587 calls mono likely.
bool describe_opus_frames(const GstStructure *rtp_caps, GstStructure *frame_caps) {
  int stereo = 1;
  get_number(rtp_caps, "sprop-stereo", 1, &stereo);
  gst_structure_set(frame_caps, "channels", G_TYPE_INT, stereo != 0 ? 2 : 1, nullptr);
  copy_rate(rtp_caps, frame_caps);
  return true;
}

bool copy_channel_mapping(const GstStructure *rtp_caps, int channels, GstStructure *frame_caps) {
  const char *text = gst_structure_get_string(rtp_caps, "channel_mapping");
  if (text == nullptr)
    return false;
  GValue mapping = G_VALUE_INIT;
  GValue channel = G_VALUE_INIT;
  gst_value_array_init(&mapping, 0);
  g_value_init(&channel, G_TYPE_INT);
  gchar **parts = g_strsplit(text, ",", -1);
  bool good = static_cast<int>(g_strv_length(parts)) == channels;
  for (gchar **part = parts; good && *part != nullptr; part++) {
    guint64 number = 0;
    // 255 is a silent channel (RFC 7845).
    good = g_ascii_string_to_unsigned(*part, 10, 0, 255, &number, nullptr);
    g_value_set_int(&channel, static_cast<int>(number));
    gst_value_array_append_value(&mapping, &channel);
  }
  g_strfreev(parts);
  g_value_unset(&channel);
  if (good)
    gst_structure_set_value(frame_caps, "channel-mapping", &mapping);
  g_value_unset(&mapping);
  return good;
}

bool describe_multiopus_frames(const GstStructure *rtp_caps, GstStructure *frame_caps) {
  int channels = 0;
  int streams = 0;
  int coupled = 0;
  if (!get_number(rtp_caps, "encoding-params", 255, &channels) ||
      !get_number(rtp_caps, "num_streams", channels, &streams) ||
      !get_number(rtp_caps, "coupled_streams", streams, &coupled) ||
      !copy_channel_mapping(rtp_caps, channels, frame_caps))
    return false;
  gst_structure_set(frame_caps, "channels", G_TYPE_INT, channels, "stream-count", G_TYPE_INT,
                    streams, "coupled-count", G_TYPE_INT, coupled, nullptr);
  copy_rate(rtp_caps, frame_caps);
  return true;
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
    .talkspurts = true,
    .spatial_layers = false,
    .describe_rtp_caps = describe_opus,
    .describe_frame_caps = describe_opus_frames,
    .prefer_frame_caps = prefer_channels,
};

constinit const Format multiopus_format = {
    .frame_caps = "audio/x-opus, channel-mapping-family = (int) 1, channels = (int) [ 3, 255 ]",
    .media = "audio",
    .encoding_names = {"MULTIOPUS", nullptr},
    .clock_rate = 48000,
    .splits = false,
    .talkspurts = true,
    .spatial_layers = false,
    .describe_rtp_caps = describe_multiopus,
    .describe_frame_caps = describe_multiopus_frames,
};

}  // namespace e2ee::rtp
