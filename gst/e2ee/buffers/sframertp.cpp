/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/sframertp.h"

#include "buffers/h26xformat.h"

namespace e2ee {

bool is_sframe_rtp(const GstStructure *caps) {
  return g_strcmp0(gst_structure_get_string(caps, kE2eeField), kSframeRtp) == 0;
}

bool has_sframe_packets(const GstStructure *caps) {
  return is_sframe_rtp(caps) && gst_structure_has_name(caps, kRtpCaps);
}

const CodecRule *codec_of_caps(const GstStructure *caps) {
  if (!is_sframe_rtp(caps))
    return codec_for_media_type(gst_structure_get_name(caps));
  const bool packets = has_sframe_packets(caps);
  const gchar *name =
      packets ? gst_structure_get_string(caps, "encoding-name") : gst_structure_get_name(caps);
  for (const CodecRule *codec : codecs()) {
    if (g_strcmp0(name, packets ? codec->rtp_name : codec->media_type) == 0)
      return &whole_frames_of(*codec);
  }
  return nullptr;
}

bool has_whole_frames(const GstStructure *caps, const CodecRule &codec) {
  const gchar *alignment = gst_structure_get_string(caps, "alignment");
  const gchar *format = gst_structure_get_string(caps, "stream-format");
  return (codec.alignment == nullptr || alignment == nullptr ||
          g_str_equal(alignment, codec.alignment)) &&
         (codec.id != CodecId::av1 || format == nullptr || g_str_equal(format, "obu-stream"));
}

GstCaps *with_sframe_rtp(const GstCaps *caps) {
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  GstCaps *marked = nal_codec_of(fields) != nullptr ? byte_stream_caps(caps) : gst_caps_copy(caps);
  gst_caps_set_simple(marked, kE2eeField, G_TYPE_STRING, kSframeRtp, nullptr);
  if (gst_structure_has_name(fields, "video/x-av1"))
    gst_caps_set_simple(marked, "stream-format", G_TYPE_STRING, "obu-stream", "alignment",
                        G_TYPE_STRING, "tu", nullptr);
  return marked;
}

GstCaps *without_sframe_rtp(const GstCaps *caps) {
  GstCaps *clear = gst_caps_copy(caps);
  for (guint i = 0; i < gst_caps_get_size(clear); ++i)
    gst_structure_remove_field(gst_caps_get_structure(clear, i), kE2eeField);
  return clear;
}

// RFC 3550 section 5.1.
std::optional<std::size_t> rtp_header_size(ByteView packet) {
  constexpr std::size_t kFixed = 12;
  if (packet.size() < kFixed || packet[0] >> 6 != 2 || (packet[0] & 0x20) != 0)
    return {};
  std::size_t size = kFixed + std::size_t{4} * (packet[0] & 15);
  if ((packet[0] & 0x10) != 0) {
    if (packet.size() < size + 4)
      return {};
    size += 4 + std::size_t{4} * (packet[size + 2] << 8 | packet[size + 3]);
  }
  if (packet.size() < size)
    return {};
  return size;
}

}  // namespace e2ee
