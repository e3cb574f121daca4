/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstadapter.h>

#include "owned.h"
#include "rtp_format.h"

namespace e2ee::rtp {

// What the packets of one stream have told so far, and how far the present frame is.
class Stream {
 public:
  bool assembling() const { return assembling_; }
  // The rest of a frame that is not wanted.
  bool skipping() const { return skipping_; }
  // For a key frame.
  bool waiting() const { return waiting_; }
  bool has_begun() const { return picture_.known; }
  // Whether a whole picture with an ID is behind: the next packet's ID then shows what is missing.
  bool between_pictures() const { return !assembling_ && picture_.ended && picture_.id; }
  const Frame &frame() const { return frame_; }
  GstClockTime pts() const { return picture_.pts; }

  // Whether what is missing in front of the packet belonged to no frame: error correction, probes.
  bool goes_on(const Packet &packet) const;
  // With the first packet of a frame; layer frames of one picture have one RTP time and ID.
  void enter_picture(const Packet &packet, guint32 rtp_time, GstClockTime pts);
  bool lacks_layer_below(const Frame &frame) const;

  // No encoder makes a larger frame, no network carries a larger packet: a sender that never ends
  // one must not fill the memory.
  static constexpr gsize kMaxFrame = 32 * 1024 * 1024;
  static constexpr gsize kMaxPacket = 64 * 1024;

  void begin(const Frame &frame, gsize max_size);
  // Takes a packet's payload. False when the frame gets too large, or has too many packets.
  bool add(GstBuffer *payload);
  void skip() { skipping_ = true; }
  void lose(bool wait);
  // The bytes of the frame, which is complete. What packets said earlier is added to frame().
  // `discont`: it is a new start after a loss.
  GstBuffer *end(bool ends_picture, bool &discont);

 private:
  // Of the last frame that began.
  struct Picture {
    bool known = false;
    bool ended = false;  // its last frame was delivered
    guint32 rtp_time = 0;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    std::optional<PictureId> id;
    std::optional<unsigned> top_layer;     // that was delivered
    std::optional<unsigned> bottom_layer;  // likewise
  };

  Picture picture_;
  Frame frame_;
  ObjectPtr<GstAdapter> bytes_{gst_adapter_new()};  // of the frame
  gsize max_size_ = 0;
  unsigned packets_ = 0;
  bool assembling_ = false;
  bool skipping_ = false;
  bool waiting_ = true;
  bool discont_ = false;  // the next frame does not continue the last
  // Of the last scalability structure.
  unsigned spatial_layers_ = 0;
  std::array<Size, kMaxSpatialLayers> layer_sizes_{};
};

}  // namespace e2ee::rtp
