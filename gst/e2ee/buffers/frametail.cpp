/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/frametail.h"

#include "buffers/framememory.h"

namespace e2ee {

namespace {

// Unix time in microseconds.
std::uint64_t capture_time_of(GstBuffer *buffer) {
  static GstStaticCaps caps = GST_STATIC_CAPS("timestamp/x-unix");
  GstCaps *reference = gst_static_caps_get(&caps);
  const GstReferenceTimestampMeta *meta =
      gst_buffer_get_reference_timestamp_meta(buffer, reference);
  gst_caps_unref(reference);
  return meta != nullptr ? meta->timestamp / GST_USECOND
                         : static_cast<std::uint64_t>(g_get_real_time());
}

}  // namespace

Tail look_at_tail(GstBuffer *buffer, ByteView server_trailer) {
  Tail tail;
  // Only the end is looked at, but a frame in several memories has to be merged to be decrypted
  // anyway.
  MappedBuffer map(buffer, GST_MAP_READ);
  if (!map)
    return tail;
  const ByteView frame = map.bytes();
  if (!server_trailer.empty() && ends_with(frame, server_trailer)) {
    tail.from_server = true;
    tail.server_trailer = server_trailer.size();
    tail.known_filler = is_known_filler(frame.first(frame.size() - server_trailer.size()));
  } else if (const auto behind =
                 server_trailer.empty() ? std::nullopt : h264_filler_tail(frame, server_trailer)) {
    tail.from_server = tail.known_filler = true;
    tail.server_trailer = *behind;
  }
  if (!tail.from_server)
    tail.trailer = find_packet_trailer(frame);
  return tail;
}

GstBuffer *without_tail(GstBuffer *buffer, gsize bytes) {
  buffer = gst_buffer_make_writable(buffer);
  gst_buffer_set_size(buffer, static_cast<gssize>(gst_buffer_get_size(buffer) - bytes));
  return buffer;
}

GstBuffer *strip_packet_trailer(GstBuffer *buffer, const PacketTrailer &trailer) {
  buffer = without_tail(buffer, trailer.size);
  if (trailer.capture_us && *trailer.capture_us < GST_CLOCK_TIME_NONE / GST_USECOND) {
    static GstStaticCaps caps = GST_STATIC_CAPS("timestamp/x-unix, authenticated=(boolean)false");
    GstCaps *reference = gst_static_caps_get(&caps);
    gst_buffer_add_reference_timestamp_meta(buffer, reference, *trailer.capture_us * GST_USECOND,
                                            GST_CLOCK_TIME_NONE);
    gst_caps_unref(reference);
  }
  return buffer;
}

GstBuffer *append_packet_trailer(GstBuffer *buffer, bool byte_stream) {
  std::optional<std::uint64_t> capture_us = capture_time_of(buffer);
  if (byte_stream)
    capture_us = capture_time_for_byte_stream(*capture_us);
  if (!capture_us)
    return buffer;
  std::uint8_t trailer[kPacketTrailerSize];
  write_packet_trailer(*capture_us, trailer);
  GstMemory *memory = memory_of(trailer);
  if (memory == nullptr)
    return buffer;
  buffer = gst_buffer_make_writable(buffer);
  gst_buffer_append_memory(buffer, memory);
  return buffer;
}

bool parse_server_trailer(const std::string &hex, std::vector<std::uint8_t> &trailer) {
  trailer.clear();
  if (hex.size() % 2 != 0)
    return false;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const gint high = g_ascii_xdigit_value(hex[i]);
    const gint low = g_ascii_xdigit_value(hex[i + 1]);
    if (high < 0 || low < 0)
      return false;
    trailer.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return hex.empty() || trailer.size() >= kMinServerTrailer;
}

}  // namespace e2ee
