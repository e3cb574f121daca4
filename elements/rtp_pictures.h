/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <mutex>

#include "rtp_format.h"

namespace e2ee::rtp {

// Which picture the frames of a payloader belong to, and the numbers of pictures.
class Pictures {
 public:
  static constexpr int kRandomOffset = -1;
  // Chromium and RFC 9628's non-flexible mode rely on ids; 15 bits outlast any plausible loss.
  static constexpr PictureIdMode kDefaultMode = PictureIdMode::Bits15;

  Pictures() { set_offset(kRandomOffset); }

  // Any thread. Setting either draws the next id anew.
  void set_mode(PictureIdMode mode);
  void set_offset(int offset);
  PictureIdMode mode() const;
  int offset() const;
  // A jump in the ids tells receivers that a picture is missing.
  void skip_id();

  // The rest belongs to the streaming thread.
  void start() { picture_ = {}; }
  // Completes what is known of a frame by what its picture is, and counts it.
  void add(GstBuffer *buffer, Frame &frame);
  bool picture_ended() const { return picture_.ended; }
  const Numbering &numbering() const { return numbering_; }

 private:
  // The picture that the last frame belonged to.
  struct Picture {
    bool ended = true;
    bool key = false;
    unsigned spatial_layer = 0;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
  };
  bool begins_picture(GstBuffer *buffer, const Frame &frame) const;
  void draw_id();

  mutable std::mutex mutex_;  // of the three that follow
  PictureIdMode mode_ = kDefaultMode;
  int offset_ = kRandomOffset;
  unsigned next_id_ = 0;

  Picture picture_;
  Numbering numbering_;
};

}  // namespace e2ee::rtp
