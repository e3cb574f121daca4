// SPDX-License-Identifier: LGPL-2.1-or-later
#include "feedback.h"

#include <gst/video/video.h>

#include <algorithm>

#include "common/gst_ptr.h"

namespace recorder {
namespace {

constexpr guint8 kTransportFeedback = 205;  // RTPFB: NACK
constexpr guint8 kPayloadFeedback = 206;    // PSFB: PLI
constexpr guint8 kPli = 1;
constexpr gsize kHeader = 4;
constexpr gsize kSsrc = 4;

bool is_feedback(guint8 type) {
  return type == kTransportFeedback || type == kPayloadFeedback;
}

// The length in bytes of the message at `offset`; 0: there is none.
gsize message_length(const GstMapInfo &map, gsize offset) {
  if (offset + kHeader > map.size)
    return 0;
  const gsize length = kHeader * (1 + GST_READ_UINT16_BE(map.data + offset + 2));
  return offset + length <= map.size ? length : 0;
}

// The first feedback message of a packet that has something else too.
bool find_feedback(GstBuffer *packet, gsize &at, gsize &length) {
  GstMapInfo map;
  if (!gst_buffer_map(packet, &map, GST_MAP_READ))
    return false;
  bool found = false;
  for (at = 0; !found && (length = message_length(map, at)) > 0;) {
    found = is_feedback(map.data[at + 1]) && length < map.size;
    if (!found)
      at += length;
  }
  gst_buffer_unmap(packet, &map);
  return found;
}

// Takes the packet over; it holds one message.
GstBuffer *name_video_as_sender(GstBuffer *packet) {
  GstMapInfo map;
  packet = gst_buffer_make_writable(packet);
  if (!gst_buffer_map(packet, &map, GST_MAP_READWRITE))
    return packet;
  guint8 *message = map.data;
  if (map.size == kHeader + 2 * kSsrc && message[1] == kPayloadFeedback &&
      (message[0] & 0x1f) == kPli)
    std::copy_n(message + kHeader + kSsrc, kSsrc, message + kHeader);
  gst_buffer_unmap(packet, &map);
  return packet;
}

GstBuffer *part(GstBuffer *packet, gsize at, gsize length) {
  return gst_buffer_copy_region(packet, GST_BUFFER_COPY_ALL, at, length);
}

GstPadProbeReturn on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer) {
  GstBuffer *packet = gst_pad_probe_info_get_buffer(info);
  gsize at = 0, length = 0;
  while (find_feedback(packet, at, length)) {
    gst_pad_push(pad, part(packet, at, length));
    const gsize size = gst_buffer_get_size(packet);
    GstBuffer *rest = part(packet, 0, at);
    if (at + length < size)
      rest = gst_buffer_append(rest, part(packet, at + length, size - at - length));
    gst_buffer_unref(packet);
    packet = rest;
    info->data = rest;
    if (gst_buffer_get_size(rest) == 0)
      return GST_PAD_PROBE_DROP;
  }
  info->data = name_video_as_sender(packet);
  return GST_PAD_PROBE_OK;
}

void on_rtpbin_pad(GstElement *, GstPad *pad, gpointer) {
  if (g_str_has_prefix(GST_PAD_NAME(pad), "send_rtcp_src_"))
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &on_packet, nullptr, nullptr);
}

GstPadProbeReturn on_event(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstEvent *event = gst_pad_probe_info_get_event(info);
  GstClockTime time;
  gboolean all_headers;
  guint number;
  if (!gst_video_event_is_force_key_unit(event) ||
      !gst_video_event_parse_upstream_force_key_unit(event, &time, &all_headers, &number) ||
      !all_headers)
    return GST_PAD_PROBE_OK;
  gst_event_unref(event);
  info->data = gst_video_event_new_upstream_force_key_unit(time, FALSE, number);
  return GST_PAD_PROBE_OK;
}

}  // namespace

void split_feedback(GstElement *webrtcbin) {
  examples::ObjectPtr<GstElement> rtpbin(gst_bin_get_by_name(GST_BIN(webrtcbin), "rtpbin"));
  if (rtpbin)
    g_signal_connect(rtpbin.get(), "pad-added", G_CALLBACK(on_rtpbin_pad), nullptr);
}

void ask_by_pli(GstPad *pad) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, &on_event, nullptr, nullptr);
}

}  // namespace recorder
