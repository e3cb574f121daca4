/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h26xcaps.h"

#include <span>

#include "buffers/h26xformat.h"
#include "buffers/sframertp.h"

namespace e2ee {

namespace {

GstCaps *format_caps(const CodecRule &codec, const char *format) {
  return gst_caps_new_simple(codec.media_type, "stream-format", G_TYPE_STRING, format, "alignment",
                             G_TYPE_STRING, "au", nullptr);
}

std::vector<const char *> formats_of(const CodecRule &codec, bool sink, NalFormats output) {
  const LengthFormats lengths = length_formats_of(codec);
  if (sink)
    return {kByteStream, lengths.sets_outside, lengths.sets_inside};
  if (output == NalFormats::byte_stream_only)
    return {kByteStream};
  return {lengths.sets_outside, kByteStream};
}

bool takes_any(const GstCaps *caps, const CodecRule &codec, std::span<const char *const> formats) {
  for (const char *format : formats) {
    GstCaps *wanted = format_caps(codec, format);
    const bool takes = gst_caps_can_intersect(caps, wanted);
    gst_caps_unref(wanted);
    if (takes)
      return true;
  }
  return false;
}

// What a pad can do when the other one's peer can do `caps`.
GstCaps *across(const GstCaps *caps, bool sink, NalFormats output) {
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GstStructure *item = gst_caps_get_structure(caps, i);
    const CodecRule *codec = nal_codec_of(item);
    // Where the templates do not have it back, SFrame over RTP is on the encrypted side alone.
    if (codec == nullptr) {
      GstStructure *copy = gst_structure_copy(item);
      gst_structure_remove_field(copy, kE2eeField);
      result = gst_caps_merge_structure(result, copy);
      continue;
    }
    GstCaps *alone = gst_caps_new_full(gst_structure_copy(item), nullptr);
    if (takes_any(alone, *codec, formats_of(*codec, !sink, output))) {
      for (const char *format : formats_of(*codec, sink, output)) {
        GstStructure *copy = without_format(item);
        gst_structure_remove_field(copy, kE2eeField);
        gst_structure_set(copy, "stream-format", G_TYPE_STRING, format, nullptr);
        result = gst_caps_merge_structure(result, copy);
      }
    }
    gst_caps_unref(alone);
  }
  return result;
}

}  // namespace

bool takes_byte_streams_only(GstPad *src, const GstCaps *caps) {
  const CodecRule &codec = *nal_codec_of(gst_caps_get_structure(caps, 0));
  const char *const lengths[] = {length_formats_of(codec).sets_outside};
  const char *const byte_stream[] = {kByteStream};
  GstCaps *peer = gst_pad_peer_query_caps(src, nullptr);
  const bool only =
      peer != nullptr && !takes_any(peer, codec, lengths) && takes_any(peer, codec, byte_stream);
  gst_clear_caps(&peer);
  return only;
}

RtpPeer sframe_rtp_peer(GstPad *src, const GstCaps *caps) {
  GstCaps *peer = gst_pad_peer_query_caps(src, nullptr);
  const gchar *media_type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  bool plain = false;
  bool marked = false;
  for (guint i = 0; peer != nullptr && i < gst_caps_get_size(peer); ++i) {
    const GstStructure *item = gst_caps_get_structure(peer, i);
    if (gst_structure_has_name(item, media_type))
      (is_sframe_rtp(item) ? marked : plain) = true;
  }
  const bool is_any = peer == nullptr || gst_caps_is_any(peer);
  gst_clear_caps(&peer);
  if (!marked)
    return RtpPeer::none;
  return plain || is_any ? RtpPeer::possible : RtpPeer::only;
}

void answer_caps_query(GstPad *pad, GstPad *other, NalFormats output, GstQuery *query) {
  const bool sink = GST_PAD_IS_SINK(pad);
  GstCaps *filter = nullptr;
  gst_query_parse_caps(query, &filter);
  GstCaps *all = gst_pad_get_pad_template_caps(pad);
  GstCaps *peer = gst_pad_peer_query_caps(other, nullptr);
  const bool open = peer == nullptr || gst_caps_is_any(peer);
  GstCaps *answer = all;
  if (!open || filter != nullptr) {
    GstCaps *possible = across(open ? all : peer, sink, output);
    answer = gst_caps_intersect_full(possible, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(possible);
    gst_caps_unref(all);
  }
  // Ours is the order: a depayloader that may choose has to choose byte streams, since it takes
  // parameter sets out of frames otherwise.
  if (filter != nullptr) {
    GstCaps *wanted = gst_caps_intersect_full(answer, filter, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(answer);
    answer = wanted;
  }
  gst_query_set_caps_result(query, answer);
  gst_caps_unref(answer);
  gst_clear_caps(&peer);
}

}  // namespace e2ee
