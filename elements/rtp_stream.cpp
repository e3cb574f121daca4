/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_stream.h"

#include <utility>

namespace e2ee::rtp {

namespace {

// Packets of one byte fill memory as well.
constexpr unsigned kMaxPackets = 32 * 1024;

}  // namespace

bool Stream::goes_on(const Packet &packet) const {
  // A picture that now begins with a higher layer than before has lost those below: delta pictures
  // of layers that are predicted apart do not say so.
  return between_pictures() && packet.position.first && packet.picture_id &&
         packet.picture_id->follows(*picture_.id) &&
         packet.frame.spatial_layer <= picture_.bottom_layer.value_or(0);
}

void Stream::enter_picture(const Packet &packet, guint32 rtp_time, GstClockTime pts) {
  const bool same_id = packet.picture_id.has_value() == picture_.id.has_value() &&
                       (!picture_.id || packet.picture_id->value == picture_.id->value);
  if (!picture_.known || !same_id || rtp_time != picture_.rtp_time)
    picture_ = {true, false, rtp_time, pts, packet.picture_id, {}, {}};
}

bool Stream::lacks_layer_below(const Frame &frame) const {
  return frame.needs_layer_below && picture_.top_layer != frame.spatial_layer - 1;
}

void Stream::begin(const Frame &frame, gsize max_size) {
  frame_ = frame;
  max_size_ = max_size;
  packets_ = 0;
  assembling_ = true;
  skipping_ = false;
  if (frame.spatial_layers > 0) {
    spatial_layers_ = frame.spatial_layers;
    layer_sizes_ = frame.layer_sizes;
  }
}

bool Stream::add(GstBuffer *payload) {
  gst_adapter_push(bytes_.get(), payload);
  return gst_adapter_available(bytes_.get()) <= max_size_ && ++packets_ <= kMaxPackets;
}

void Stream::lose(bool wait) {
  gst_adapter_clear(bytes_.get());
  assembling_ = false;
  skipping_ = true;
  discont_ = true;
  waiting_ = waiting_ || wait;
}

GstBuffer *Stream::end(bool ends_picture, bool &discont) {
  assembling_ = false;
  picture_.top_layer = frame_.spatial_layer;
  if (!picture_.bottom_layer)
    picture_.bottom_layer = frame_.spatial_layer;
  picture_.ended = ends_picture;
  waiting_ = waiting_ && !frame_.keyframe;
  frame_.spatial_layers = spatial_layers_;
  frame_.layer_sizes = {};
  if (frame_.key_picture && frame_.spatial_layer < spatial_layers_) {
    frame_.size = layer_sizes_[frame_.spatial_layer];
    if (frame_.spatial_layer == 0)
      frame_.layer_sizes = layer_sizes_;
  }
  discont = std::exchange(discont_, false);
  return gst_adapter_take_buffer(bytes_.get(), gst_adapter_available(bytes_.get()));
}

}  // namespace e2ee::rtp
