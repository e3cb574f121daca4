/* SPDX-License-Identifier: LGPL-2.1-or-later */
// From frames to packets, for the payloader.
#pragma once

#include <gst/rtp/rtp.h>

#include "rtp_format.h"
#include "rtp_pictures.h"
#include "rtp_room.h"

namespace e2ee::rtp {

// Cuts frames into packets and pushes them. Belongs to the streaming thread.
class Packetizer {
 public:
  explicit Packetizer(GstRTPBasePayload *payloader) : payloader_(payloader), room_(payloader) {}

  Pictures pictures;

  // In a state change.
  void start();
  void stop() { room_.forget(); }

  // `caps_size` is that of the frame caps.
  void set_format(const Format &format, const Size &caps_size);
  // What comes next begins a talkspurt.
  void end_talkspurt() { talkspurt_ = true; }
  GstFlowReturn push(GstBuffer *frame);

 private:
  struct Piece {
    GstBuffer *frame;
    gsize offset;
    gsize size;
  };
  Descriptor describe(const Frame &facts, const PacketPosition &position) const;
  bool marks(const PacketPosition &position);
  GstBuffer *make_packet(const Descriptor &descriptor, const Piece &piece, bool marker, bool delta);
  GstBufferList *split(GstBuffer *frame, const Frame &facts);
  GstFlowReturn push_split(GstBuffer *frame, const Frame &facts);
  GstFlowReturn push_whole(GstBuffer *frame, const Frame &facts);

  GstRTPBasePayload *payloader_;
  const Format *format_ = nullptr;
  Size caps_size_;
  bool talkspurt_ = true;      // the next frame begins one
  bool told_too_big_ = false;  // said so once since READY
  HeaderRoom room_;
};

}  // namespace e2ee::rtp
