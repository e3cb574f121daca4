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

std::optional<PacketTrailer> packet_trailer_of(GstBuffer *buffer) {
  const MappedBuffer map(buffer, GST_MAP_READ);
  return map ? find_packet_trailer(map.bytes()) : std::nullopt;
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

}  // namespace e2ee
