/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-e2eevp9merge
 * @title: e2eevp9merge
 * @short_description: joins decrypted VP9 layer frames to pictures
 * @see_also: e2eevp9split, e2eedecrypt, rtpe2eedepay
 *
 * Each spatial layer of a VP9 picture is encrypted by itself and thus is a buffer of its own behind
 * e2eedecrypt. All of them are shown frames: a decoder that gets them one by one shows each, in
 * changing sizes. This element makes them one superframe with an index, of which decoders show the
 * highest layer alone, and which parsers and muxers take for one frame. Streams without spatial
 * layers pass as they are.
 *
 * A picture ends with the frame that #GstE2EEFrameMeta or #GST_BUFFER_FLAG_MARKER says is its last,
 * else when another timestamp begins, which is how the frames of a sealed recording are joined; a
 * frame then waits for the one behind it.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 udpsrc port=5004
 * caps="application/x-rtp,media=video,encoding-name=VP9,clock-rate=90000,payload=96" !
 * rtpjitterbuffer ! rtpe2eedepay wait-for-keyframe=true ! e2eedecrypt
 * key-provider="shared,passphrase=for-tests-only" ! e2eevp9merge ! webmmux ! filesink
 * location=open.webm
 * ]| Records what was received in the clear, with all spatial layers that arrived.
 *
 * Since: 0.1
 */
#include "gste2eevp9merge.h"

#include <gst/e2ee/gste2eemeta.h>

#include <memory>

#include "core/vp9.h"
#include "pads.h"

struct _GstE2EEVp9Merge {
  GstElement parent;
  GstPad *src;
  // Of one picture; streaming thread.
  std::vector<GstBuffer *> *frames;
};

G_DEFINE_TYPE(GstE2EEVp9Merge, gst_e2ee_vp9_merge, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(e2eevp9merge, "e2eevp9merge", GST_RANK_NONE, GST_TYPE_E2EE_VP9_MERGE)

namespace {

guint spatial_layer(GstBuffer *frame) {
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frame);
  return meta != nullptr ? meta->spatial_layer : 0;
}

// Whether `frame` is of the picture that `before` is of. One that passed in the clear does not get
// into a picture of frames that were verified.
bool goes_on(GstBuffer *before, GstBuffer *frame) {
  if (GST_BUFFER_PTS(frame) != GST_BUFFER_PTS(before) || !GST_BUFFER_PTS_IS_VALID(frame) ||
      gst_e2ee_buffer_is_unprotected(frame) != gst_e2ee_buffer_is_unprotected(before))
    return false;
  return gst_e2ee_buffer_get_frame_meta(frame) == nullptr ||
         spatial_layer(frame) > spatial_layer(before);
}

bool ends_picture(GstBuffer *frame) {
  if (GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_MARKER) || !GST_BUFFER_PTS_IS_VALID(frame))
    return true;
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frame);
  if (meta == nullptr)
    return false;
  const bool counted = !meta->has_layers || meta->spatial_layers > 0;
  return meta->end_of_picture || (counted && meta->spatial_layer + 1 >= meta->spatial_layers);
}

// The layer below was dropped on the way: this one would be decoded against another picture.
bool lacks_layer_below(GstE2EEVp9Merge *self, GstBuffer *frame) {
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frame);
  if (meta == nullptr || meta->spatial_layer == 0 || meta->layer_independent)
    return false;
  const std::vector<GstBuffer *> &frames = *self->frames;
  return frames.empty() || !goes_on(frames.back(), frame) ||
         spatial_layer(frames.back()) + 1 != meta->spatial_layer;
}

void drop_frames(GstE2EEVp9Merge *self) {
  for (GstBuffer *frame : *self->frames)
    gst_buffer_unref(frame);
  self->frames->clear();
}

void append_index(GstBuffer *picture, const std::vector<std::size_t> &sizes) {
  auto index = std::make_unique<std::vector<guint8>>(e2ee::vp9_superframe_index(sizes));
  guint8 *data = index->data();
  const gsize size = index->size();
  gst_buffer_append_memory(
      picture, gst_memory_new_wrapped(
                   GST_MEMORY_FLAG_READONLY, data, size, 0, size, index.release(),
                   [](gpointer owned) { delete static_cast<std::vector<guint8> *>(owned); }));
}

// A picture has the times and flags of its lowest frame, which alone can be a key frame.
GstBuffer *join(std::vector<GstBuffer *> &frames) {
  std::vector<std::size_t> sizes;
  for (GstBuffer *frame : frames)
    sizes.push_back(gst_buffer_get_size(frame));
  GstBuffer *picture = gst_buffer_make_writable(frames[0]);
  for (std::size_t i = 1; i < frames.size(); ++i)
    picture = gst_buffer_append(picture, frames[i]);
  frames.clear();
  append_index(picture, sizes);
  return picture;
}

GstFlowReturn push_picture(GstE2EEVp9Merge *self) {
  std::vector<GstBuffer *> &frames = *self->frames;
  if (frames.empty())
    return GST_FLOW_OK;
  GstBuffer *picture = nullptr;
  if (frames.size() == 1) {
    picture = gst_buffer_make_writable(frames[0]);
    frames.clear();
  } else {
    picture = join(frames);
  }
  GST_BUFFER_FLAG_SET(picture, GST_BUFFER_FLAG_MARKER);
  // It told of a layer frame.
  while (GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(picture))
    gst_buffer_remove_meta(picture, GST_META_CAST(meta));
  return gst_pad_push(self->src, picture);
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *frame) {
  GstE2EEVp9Merge *self = GST_E2EE_VP9_MERGE(parent);
  GstFlowReturn flow = GST_FLOW_OK;
  if (!self->frames->empty() &&
      (self->frames->size() == e2ee::kMaxVp9Frames || !goes_on(self->frames->back(), frame)))
    flow = push_picture(self);
  const bool last = ends_picture(frame);
  if (lacks_layer_below(self, frame)) {
    GST_DEBUG_OBJECT(self, "dropped a layer frame: the layer below is missing");
    gst_buffer_unref(frame);
  } else {
    self->frames->push_back(frame);
  }
  return flow == GST_FLOW_OK && last ? push_picture(self) : flow;
}

gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  GstE2EEVp9Merge *self = GST_E2EE_VP9_MERGE(parent);
  // News of gaps and tags come between the layers of a picture and do not end it.
  const bool overtakes = GST_EVENT_TYPE(event) == GST_EVENT_GAP ||
                         GST_EVENT_TYPE(event) == GST_EVENT_TAG ||
                         GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM;
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    drop_frames(self);
  else if (!overtakes &&
           (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_SERIALIZED) != 0)
    push_picture(self);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS)
    return gst_pad_push_event(self->src, e2ee::with_alignment(event, "super-frame"));
  return gst_pad_event_default(pad, parent, event);
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_e2ee_vp9_merge_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    drop_frames(GST_E2EE_VP9_MERGE(element));
  return result;
}

void finalize(GObject *object) {
  drop_frames(GST_E2EE_VP9_MERGE(object));
  delete GST_E2EE_VP9_MERGE(object)->frames;
  G_OBJECT_CLASS(gst_e2ee_vp9_merge_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_vp9_merge_class_init(GstE2EEVp9MergeClass *klass) {
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  G_OBJECT_CLASS(klass)->finalize = finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR(change_state);
  e2ee::describe_element(element_class,
                         {"VP9 layer merger", "Codec/Parser/Video",
                          "Joins frames of several spatial layers to VP9 pictures"},
                         gst_caps_new_empty_simple("video/x-vp9"),
                         gst_caps_new_empty_simple("video/x-vp9"));
}

static void gst_e2ee_vp9_merge_init(GstE2EEVp9Merge *self) {
  self->frames = new std::vector<GstBuffer *>;
  GstPad *sink = e2ee::add_pad(GST_ELEMENT(self), "sink");
  gst_pad_set_chain_function(sink, GST_DEBUG_FUNCPTR(chain));
  gst_pad_set_event_function(sink, GST_DEBUG_FUNCPTR(sink_event));
  self->src = e2ee::add_pad(GST_ELEMENT(self), "src");
}
