/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_room.h"

#include <cstring>

namespace e2ee::rtp {

namespace {

const gchar *extension_uri(const GValue *value) {
  // With a direction or attributes the URI is the second of three strings.
  if (GST_VALUE_HOLDS_ARRAY(value) && gst_value_array_get_size(value) > 1)
    value = gst_value_array_get_value(value, 1);
  return G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
}

}  // namespace

void HeaderRoom::forget() {
  gst_clear_caps(&caps_);
  g_clear_pointer(&extensions_, g_ptr_array_unref);
  unknown_ = 0;
}

void HeaderRoom::note_extension(const char *field, const GValue *value) {
  const gchar *uri = nullptr;
  if (!g_str_has_prefix(field, "extmap-") || (uri = extension_uri(value)) == nullptr)
    return;
  GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(uri);
  if (extension == nullptr) {
    unknown_++;
    return;
  }
  const auto id = g_ascii_strtoull(field + std::strlen("extmap-"), nullptr, 10);
  gst_rtp_header_extension_set_id(extension, static_cast<guint>(id));
  gst_rtp_header_extension_set_attributes_from_caps(extension, caps_);
  if (GstCaps *frame_caps = gst_pad_get_current_caps(GST_RTP_BASE_PAYLOAD_SINKPAD(payloader_))) {
    gst_rtp_header_extension_set_non_rtp_sink_caps(extension, frame_caps);
    gst_caps_unref(frame_caps);
  }
  g_ptr_array_add(extensions_, extension);
}

// The base class writes header extensions after the frame was cut, and before 1.24 it does not
// tell which. The negotiated caps name each of them, so twins of them say how large they get.
void HeaderRoom::learn_extensions() {
  GstCaps *caps = gst_pad_get_current_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(payloader_));
  if (caps == caps_) {
    gst_clear_caps(&caps);
    return;
  }
  forget();
  if (caps == nullptr)
    return;
  caps_ = caps;
  extensions_ = g_ptr_array_new_with_free_func(gst_object_unref);
  const auto note = [](GQuark field, const GValue *value, gpointer self) -> gboolean {
    static_cast<HeaderRoom *>(self)->note_extension(g_quark_to_string(field), value);
    return TRUE;
  };
  gst_structure_foreach(gst_caps_get_structure(caps, 0), note, this);
}

guint HeaderRoom::extensions_size(GstBuffer *frame) {
  learn_extensions();
  if (extensions_ == nullptr || extensions_->len + unknown_ == 0)
    return 0;
  // RFC 8285: 4 bytes for all, up to 2 for each, padded to words. An extension of the one-byte
  // form, which is the usual, holds at most 16 bytes.
  gsize size = 2 * (extensions_->len + unknown_);
  size += 16 * unknown_;
  for (guint i = 0; i < extensions_->len; i++)
    size += gst_rtp_header_extension_get_max_size(
        GST_RTP_HEADER_EXTENSION(g_ptr_array_index(extensions_, i)), frame);
  return static_cast<guint>(4 + GST_ROUND_UP_4(size));
}

guint HeaderRoom::for_payload(GstBuffer *frame) {
  // Up to 15 sources and their sender can be known; an RTP header holds 15.
  const guint sources = MIN(gst_rtp_base_payload_get_source_count(payloader_, frame), 15U);
  const guint mtu = GST_RTP_BASE_PAYLOAD_MTU(payloader_);
  const guint extensions = extensions_size(frame);
  if (mtu <= extensions + gst_rtp_buffer_calc_header_len(static_cast<guint8>(sources)))
    return 0;
  return gst_rtp_buffer_calc_payload_len(mtu - extensions, 0, static_cast<guint8>(sources));
}

}  // namespace e2ee::rtp
