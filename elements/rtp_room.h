/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/rtp/rtp.h>

namespace e2ee::rtp {

// How much of a packet is left when the RTP header and its extensions are written.
class HeaderRoom {
 public:
  explicit HeaderRoom(GstRTPBasePayload *payloader) : payloader_(payloader) {}
  ~HeaderRoom() { forget(); }
  HeaderRoom(const HeaderRoom &) = delete;
  HeaderRoom &operator=(const HeaderRoom &) = delete;

  // Bytes that descriptor and frame may fill together.
  guint for_payload(GstBuffer *frame);
  void forget();

 private:
  void learn_extensions();
  void note_extension(const char *field, const GValue *value);
  guint extensions_size(GstBuffer *frame);

  GstRTPBasePayload *payloader_;
  GstCaps *caps_ = nullptr;          // what `extensions_` was made for
  GPtrArray *extensions_ = nullptr;  // GstRTPHeaderExtension
  guint unknown_ = 0;                // announced in the caps, without an implementation here
};

}  // namespace e2ee::rtp
