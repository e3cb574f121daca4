/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-e2eevp9split
 * @title: e2eevp9split
 * @short_description: cuts VP9 pictures into layer frames
 * @see_also: e2eevp9merge, e2eeencrypt, rtpe2eepay
 *
 * An encoder of VP9 SVC gives a picture as one superframe that holds the frames of all spatial
 * layers. Media servers leave layers out, so each must be encrypted by itself, as browsers do. This
 * element stands in front of e2eeencrypt, makes each layer frame a buffer and tells in
 * #GstE2EEFrameMeta which layer it is, and on key pictures the sizes of all layers.
 *
 * Temporal layers are not in the bitstream: an application that has them adds a #GstE2EEFrameMeta
 * to the picture with `temporal_layer`, `layer_sync` and `has_layers`, which all its layer frames
 * get. Applications whose encoder gives layer frames one by one add the meta themselves and need no
 * splitter.
 *
 * The frames of a picture are taken for its spatial layers from the lowest up if all of them are
 * shown. Other superframes, such as one of a hidden reference and the frame that uses it, are one
 * frame to WebRTC and pass as they are.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=svc.ivf ! ivfparse ! e2eevp9split ! e2eeencrypt
 * key-provider="shared,passphrase=for-tests-only" ! rtpe2eepay ! udpsink host=127.0.0.1 port=5004
 * ]| Sends a recorded SVC stream with each layer encrypted by itself.
 *
 * Since: 0.1
 */
#include "gste2eevp9split.h"

#include <gst/e2ee/gste2eemeta.h>

#include <algorithm>

#include "buffers/framememory.h"
#include "core/vp9.h"
#include "pads.h"

struct _GstE2EEVp9Split {
  GstElement parent;
  GstPad *src;
  guint layers;  // of the last key picture; streaming thread
};

G_DEFINE_TYPE(GstE2EEVp9Split, gst_e2ee_vp9_split, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(e2eevp9split, "e2eevp9split", GST_RANK_NONE, GST_TYPE_E2EE_VP9_SPLIT)

namespace {

struct LayerFrame {
  gsize offset;
  gsize size;
  e2ee::Vp9Header header;
};

// Empty when the buffer is no picture of layers.
std::vector<LayerFrame> layer_frames(GstBuffer *picture, guint layers) {
  std::vector<LayerFrame> frames;
  e2ee::MappedBuffer map(picture, GST_MAP_READ);
  if (!map)
    return frames;
  const e2ee::ByteView bytes = map.bytes();
  for (const e2ee::ByteView view : e2ee::split_vp9_superframe(bytes))
    frames.push_back(
        {static_cast<gsize>(view.data() - bytes.data()), view.size(), e2ee::read_vp9_header(view)});
  const bool shown = std::all_of(frames.begin(), frames.end(),
                                 [](const LayerFrame &frame) { return frame.header.shown; });
  // A picture of which only the base layer was encoded is one, too, unless it is a key frame.
  const bool layered = frames.size() > 1 || (layers > 1 && !frames[0].header.key);
  if (!shown || !layered)
    frames.clear();
  return frames;
}

// Where a frame does not state its size it has that of the one below.
void note_sizes(const std::vector<LayerFrame> &frames, GstE2EEFrameMeta &meta) {
  e2ee::FrameSize size;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    size = frames[i].header.size.value_or(size);
    meta.layer_width[i] = size.width;
    meta.layer_height[i] = size.height;
  }
}

GstE2EEFrameMeta *replace_meta(GstBuffer *buffer) {
  const GstE2EEFrameMeta *old = gst_e2ee_buffer_get_frame_meta(buffer);
  GstE2EEFrameMeta told{};
  if (old != nullptr)
    told = *old;
  while (GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(buffer))
    gst_buffer_remove_meta(buffer, GST_META_CAST(meta));
  GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(buffer, FALSE, 0, 0);
  meta->has_layers = TRUE;
  meta->temporal_layer = told.temporal_layer;
  meta->layer_sync = told.layer_sync;
  return meta;
}

GstBuffer *cut_out(GstBuffer *picture, const std::vector<LayerFrame> &frames, std::size_t layer,
                   guint layers) {
  const LayerFrame &frame = frames[layer];
  const bool last = layer + 1 == frames.size();
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_copy_into(buffer, picture, GST_BUFFER_COPY_METADATA, 0, static_cast<gsize>(-1));
  gst_buffer_copy_into(buffer, picture, GST_BUFFER_COPY_MEMORY, frame.offset, frame.size);
  GstE2EEFrameMeta *meta = replace_meta(buffer);
  meta->keyframe = frame.header.key;
  if (frame.header.size) {
    meta->width = frame.header.size->width;
    meta->height = frame.header.size->height;
  }
  meta->spatial_layer = static_cast<guint>(layer);
  meta->spatial_layers = layers;
  meta->end_of_picture = last;
  if (frame.header.key)
    note_sizes(frames, *meta);
  if (!frame.header.key)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (layer > 0)
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
  if (last)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_MARKER);
  else
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_MARKER);
  return buffer;
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *picture) {
  GstE2EEVp9Split *self = GST_E2EE_VP9_SPLIT(parent);
  const std::vector<LayerFrame> frames = layer_frames(picture, self->layers);
  if (frames.empty()) {
    self->layers = 0;
    if (gst_e2ee_buffer_get_frame_meta(picture) != nullptr) {
      picture = gst_buffer_make_writable(picture);
      gst_e2ee_buffer_get_frame_meta(picture)->end_of_picture = TRUE;  // it passes whole
    }
    return gst_pad_push(self->src, picture);
  }
  if (frames[0].header.key)
    self->layers = 0;
  self->layers = std::max(self->layers, static_cast<guint>(frames.size()));
  GstFlowReturn flow = GST_FLOW_OK;
  for (std::size_t i = 0; i < frames.size() && flow == GST_FLOW_OK; ++i)
    flow = gst_pad_push(self->src, cut_out(picture, frames, i, self->layers));
  gst_buffer_unref(picture);
  return flow;
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
    return gst_pad_push_event(GST_E2EE_VP9_SPLIT(parent)->src,
                              e2ee::with_alignment(event, "frame"));
  return gst_pad_event_default(pad, parent, event);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    GST_E2EE_VP9_SPLIT(element)->layers = 0;
  return GST_ELEMENT_CLASS(gst_e2ee_vp9_split_parent_class)->change_state(element, transition);
}

}  // namespace

static void gst_e2ee_vp9_split_class_init(GstE2EEVp9SplitClass *klass) {
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = GST_DEBUG_FUNCPTR(change_state);
  e2ee::describe_element(element_class,
                         {"VP9 layer splitter", "Codec/Parser/Video",
                          "Cuts VP9 pictures of several spatial layers into frames"},
                         gst_caps_new_empty_simple("video/x-vp9"),
                         gst_caps_new_empty_simple("video/x-vp9"));
}

static void gst_e2ee_vp9_split_init(GstE2EEVp9Split *self) {
  GstPad *sink = e2ee::add_pad(GST_ELEMENT(self), "sink");
  gst_pad_set_chain_function(sink, GST_DEBUG_FUNCPTR(chain));
  gst_pad_set_event_function(sink, GST_DEBUG_FUNCPTR(sink_event));
  self->src = e2ee::add_pad(GST_ELEMENT(self), "src");
}
