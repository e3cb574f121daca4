/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_pictures.h"

#include "rtp_meta.h"

namespace e2ee::rtp {

// Mutex held.
void Pictures::draw_id() {
  next_id_ = offset_ == kRandomOffset ? g_random_int() : static_cast<unsigned>(offset_);
}

void Pictures::set_mode(PictureIdMode mode) {
  std::lock_guard lock(mutex_);
  mode_ = mode;
  draw_id();
}

void Pictures::set_offset(int offset) {
  std::lock_guard lock(mutex_);
  offset_ = offset;
  draw_id();
}

PictureIdMode Pictures::mode() const {
  std::lock_guard lock(mutex_);
  return mode_;
}

int Pictures::offset() const {
  std::lock_guard lock(mutex_);
  return offset_;
}

void Pictures::skip_id() {
  std::lock_guard lock(mutex_);
  ++next_id_;
}

// Frames of higher spatial layers belong to the picture that a lower one began.
bool Pictures::begins_picture(GstBuffer *buffer, const Frame &frame) const {
  return picture_.ended || frame.spatial_layer <= picture_.spatial_layer ||
         GST_BUFFER_PTS(buffer) != picture_.pts;
}

void Pictures::add(GstBuffer *buffer, Frame &frame) {
  const bool begins = begins_picture(buffer, frame);
  if (begins)
    picture_ = {false, frame.keyframe, 0, GST_BUFFER_PTS(buffer)};
  picture_.spatial_layer = frame.spatial_layer;
  picture_.ended = ends_picture(buffer, frame);
  // Layers above a key frame refer to that alone: there is nothing else left to refer to.
  frame.key_picture = picture_.key;
  {
    std::lock_guard lock(mutex_);
    if (begins)
      ++next_id_;
    numbering_.mode = mode_;
    numbering_.picture_id = next_id_ - 1;
  }
  numbering_.count_layers(frame, begins);
}

}  // namespace e2ee::rtp
