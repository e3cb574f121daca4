/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eemeta.h>

#include <algorithm>

namespace {

// Metas that are plain fields behind the GstMeta: zeroed at first, copied as they are.
template <typename Meta>
const GstMetaInfo *register_plain_meta(GType api, const char *name) {
  return gst_meta_register(
      api, name, sizeof(Meta),
      [](GstMeta *meta, gpointer, GstBuffer *) -> gboolean {
        auto *bytes = reinterpret_cast<guint8 *>(meta);
        std::fill(bytes + sizeof(GstMeta), bytes + sizeof(Meta), 0);
        return TRUE;
      },
      nullptr,
      [](GstBuffer *to, GstMeta *meta, GstBuffer *, GQuark type, gpointer) -> gboolean {
        if (!GST_META_TRANSFORM_IS_COPY(type))
          return FALSE;
        GstMeta *copy = gst_buffer_add_meta(to, meta->info, nullptr);
        if (copy == nullptr)
          return FALSE;
        const auto *from = reinterpret_cast<const guint8 *>(meta);
        std::copy(from + sizeof(GstMeta), from + sizeof(Meta),
                  reinterpret_cast<guint8 *>(copy) + sizeof(GstMeta));
        return TRUE;
      });
}

GType register_untagged_api(const char *name) {
  static const gchar *no_tags[] = {nullptr};
  return gst_meta_api_type_register(name, no_tags);
}

}  // namespace

GType gst_e2ee_frame_meta_api_get_type() {
  // Decoders and encoders hand metas on from frame to frame unless a tag is none of theirs.
  static const gchar *tags[] = {"e2ee-encoded", nullptr};
  static const GType type = gst_meta_api_type_register("GstE2EEFrameMetaAPI", tags);
  return type;
}

const GstMetaInfo *gst_e2ee_frame_meta_get_info() {
  static const GstMetaInfo *const info =
      register_plain_meta<GstE2EEFrameMeta>(GST_E2EE_FRAME_META_API_TYPE, "GstE2EEFrameMeta");
  return info;
}

GstE2EEFrameMeta *gst_e2ee_buffer_add_frame_meta(GstBuffer *buffer, gboolean keyframe, guint width,
                                                 guint height) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer) && gst_buffer_is_writable(buffer), nullptr);
  auto *meta = reinterpret_cast<GstE2EEFrameMeta *>(
      gst_buffer_add_meta(buffer, GST_E2EE_FRAME_META_INFO, nullptr));
  if (meta != nullptr) {
    meta->keyframe = keyframe;
    meta->width = width;
    meta->height = height;
  }
  return meta;
}

void gst_e2ee_frame_meta_set_layer_size(GstE2EEFrameMeta *meta, guint layer, guint width,
                                        guint height) {
  g_return_if_fail(meta != nullptr && layer < GST_E2EE_MAX_SPATIAL_LAYERS);
  meta->layer_width[layer] = width;
  meta->layer_height[layer] = height;
}

GstE2EEFrameMeta *gst_e2ee_buffer_get_frame_meta(GstBuffer *buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  return reinterpret_cast<GstE2EEFrameMeta *>(
      gst_buffer_get_meta(buffer, GST_E2EE_FRAME_META_API_TYPE));
}

GType gst_e2ee_unprotected_meta_api_get_type() {
  static const GType type = register_untagged_api("GstE2EEUnprotectedMetaAPI");
  return type;
}

const GstMetaInfo *gst_e2ee_unprotected_meta_get_info() {
  static const GstMetaInfo *const info = register_plain_meta<GstE2EEUnprotectedMeta>(
      GST_E2EE_UNPROTECTED_META_API_TYPE, "GstE2EEUnprotectedMeta");
  return info;
}

GstE2EEUnprotectedMeta *gst_e2ee_buffer_add_unprotected_meta(GstBuffer *buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer) && gst_buffer_is_writable(buffer), nullptr);
  return reinterpret_cast<GstE2EEUnprotectedMeta *>(
      gst_buffer_add_meta(buffer, GST_E2EE_UNPROTECTED_META_INFO, nullptr));
}

gboolean gst_e2ee_buffer_is_unprotected(GstBuffer *buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), FALSE);
  return gst_buffer_get_meta(buffer, GST_E2EE_UNPROTECTED_META_API_TYPE) != nullptr;
}
