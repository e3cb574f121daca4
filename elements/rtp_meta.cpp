/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_meta.h"

#include <gst/e2ee/gste2eemeta.h>

#include <algorithm>

#include "buffers/vp8layers.h"

namespace e2ee::rtp {

static_assert(kMaxSpatialLayers == GST_E2EE_MAX_SPATIAL_LAYERS);

namespace {

void read_frame_meta(const GstE2EEFrameMeta &meta, Frame &frame) {
  frame.keyframe = meta.keyframe;
  if (meta.width > 0 && meta.height > 0)
    frame.size = {meta.width, meta.height};
  if (!meta.has_layers)
    return;
  frame.has_layers = true;
  frame.temporal_layer = meta.temporal_layer;
  frame.spatial_layer = meta.spatial_layer;
  frame.layer_sync = meta.layer_sync;
  frame.needs_layer_below = meta.spatial_layer > 0 && !meta.layer_independent;
  frame.spatial_layers = std::min<unsigned>(meta.spatial_layers, kMaxSpatialLayers);
  for (std::size_t i = 0; i < kMaxSpatialLayers; i++)
    frame.layer_sizes[i] = {meta.layer_width[i], meta.layer_height[i]};
}

void write_frame_meta(const Frame &frame, bool ends_picture, GstE2EEFrameMeta &meta) {
  meta.has_layers = frame.has_layers;
  meta.temporal_layer = frame.temporal_layer;
  meta.spatial_layer = frame.spatial_layer;
  meta.layer_sync = frame.layer_sync;
  meta.layer_independent = frame.spatial_layer > 0 && !frame.needs_layer_below;
  meta.spatial_layers = frame.spatial_layers;
  meta.end_of_picture = ends_picture;
  for (std::size_t i = 0; i < kMaxSpatialLayers; i++) {
    meta.layer_width[i] = frame.layer_sizes[i].width;
    meta.layer_height[i] = frame.layer_sizes[i].height;
  }
}

bool survives_rtp(const GstMeta *meta) {
  // Told by the descriptor, and none of the network's business.
  if (meta->info->api == GST_E2EE_FRAME_META_API_TYPE || is_vp8_meta(meta))
    return false;
  const gchar *const *tags = gst_meta_api_type_get_tags(meta->info->api);
  if (tags == nullptr || tags[0] == nullptr)
    return true;
  return tags[1] == nullptr && (g_str_equal(tags[0], "video") || g_str_equal(tags[0], "audio"));
}

}  // namespace

Frame read_frame(const Format &format, GstBuffer *buffer, const Size &size) {
  Frame frame;
  frame.keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  frame.droppable = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DROPPABLE);
  frame.size = size;
  // The encoder's word first, so that the encryptor's, where it has one, wins.
  if (const auto layers = &format == &vp8_format ? vp8_layers_of(buffer) : std::nullopt) {
    frame.has_layers = true;
    frame.temporal_layer = layers->temporal_layer;
    frame.layer_sync = layers->layer_sync;
  }
  if (const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(buffer))
    read_frame_meta(*meta, frame);
  // Elsewhere (simulcast) such a number is not part of the stream, and each frame is a picture.
  if (!format.spatial_layers) {
    frame.spatial_layer = 0;
    frame.spatial_layers = 0;
    frame.needs_layer_below = false;
  }
  frame.key_picture = frame.keyframe;
  return frame;
}

bool ends_picture(GstBuffer *buffer, const Frame &frame) {
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(buffer);
  const bool uncounted = frame.spatial_layer > 0 && frame.spatial_layers == 0;
  return (!uncounted && frame.spatial_layer + 1 >= frame.spatial_layers) ||
         GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_MARKER) ||
         (meta != nullptr && meta->end_of_picture);
}

void write_frame(GstBuffer *buffer, const Frame &frame, bool ends_picture) {
  if (!frame.keyframe)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (frame.droppable)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DROPPABLE);
  if (ends_picture)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_MARKER);
  write_frame_meta(
      frame, ends_picture,
      *gst_e2ee_buffer_add_frame_meta(buffer, frame.keyframe, frame.size.width, frame.size.height));
}

void copy_metas(GstBuffer *frame, GstBuffer *packet) {
  const auto copy = [](GstBuffer *from, GstMeta **meta, gpointer to) -> gboolean {
    const GstMetaInfo *info = (*meta)->info;
    if (info->transform_func != nullptr && survives_rtp(*meta)) {
      GstMetaTransformCopy whole = {FALSE, 0, static_cast<gsize>(-1)};
      info->transform_func(GST_BUFFER(to), *meta, from, _gst_meta_transform_copy, &whole);
    }
    return TRUE;
  };
  gst_buffer_foreach_meta(frame, copy, packet);
}

GstBuffer *without_packet_facts(GstBuffer *buffer) {
  const auto drop = [](GstBuffer *, GstMeta **meta, gpointer) -> gboolean {
    if (!survives_rtp(*meta))
      *meta = nullptr;
    return TRUE;
  };
  buffer = gst_buffer_make_writable(buffer);
  gst_buffer_foreach_meta(buffer, drop, nullptr);
  constexpr guint flags = GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DROPPABLE |
                          GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_DISCONT;
  GST_BUFFER_FLAG_UNSET(buffer, flags);
  return buffer;
}

}  // namespace e2ee::rtp
