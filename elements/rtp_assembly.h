/* SPDX-License-Identifier: LGPL-2.1-or-later */
// From packets to frames, for the depayloader.
#pragma once

#include <gst/e2ee/e2ee.h>
#include <gst/rtp/rtp.h>

#include <atomic>

#include "keyunit.h"
#include "owned.h"
#include "rtp_ciphertext.h"
#include "rtp_stream.h"

namespace e2ee::rtp {

// Properties of the depayloader; any thread.
struct AssemblySettings {
  std::atomic<bool> wait_for_keyframe{false};
  std::atomic<bool> request_keyframe{false};
  std::atomic<GstE2EEClearHeader> clear_header{GST_E2EE_CLEAR_HEADER_SCHEME};
};

// Puts frames together. Where packets are missing it drops what they belong to and tells of it,
// down and up the stream. Belongs to the streaming thread.
class Assembly {
 public:
  explicit Assembly(GstRTPBaseDepayload *depayloader) : depayloader_(depayloader) {}

  AssemblySettings settings;
  // Any thread. Since READY: how often a frame was dropped incomplete, or packets were missing.
  guint64 losses() const { return losses_; }

  // In a state change.
  void start();
  void start_over();

  const Format *format() const { return format_; }
  // Null: none yet.
  void set_format(const Format *format);
  // Of an SFrame format.
  CiphertextCaps &ciphertext_caps() { return ciphertext_caps_; }

  // The frame that the packet completed (transfer full), or null.
  GstBuffer *take(GstRTPBuffer *rtp);
  // The jitter buffer's word.
  void packet_lost(GstEvent *event);

 private:
  void ask_for_key_unit();
  void lose(const char *why);
  void lose_unseen(const char *why, GstClockTime pts);
  void tell_of_loss(GstEvent *event);
  void close_gap(const Packet &packet);
  bool begin_frame(const Packet &packet, GstRTPBuffer *rtp);
  bool continue_frame(const Packet &packet, GstRTPBuffer *rtp);
  GstBuffer *take_packet(GstRTPBuffer *rtp, Packet &packet);
  GstBuffer *end_frame(GstRTPBuffer *rtp);
  GstBuffer *describe(GstBuffer *frame, bool ends_picture);
  bool announce_ciphertext();
  GstBuffer *describe_ciphertext(GstBuffer *ciphertext, GstRTPBuffer *rtp, bool after_loss);

  GstRTPBaseDepayload *depayloader_;
  std::atomic<guint64> losses_{0};
  const Format *format_ = nullptr;
  FrameCaps caps_;
  CiphertextCaps ciphertext_caps_;
  PacketsOfCiphertexts media_packets_;
  Stream stream_;  // starts over with a flush
  Origin origin_;  // of the SFrame ciphertext that is being put together
  bool told_of_t_ = false;
  bool gap_ = false;     // packets are missing in front of the next one
  EventPtr lost_event_;  // of packets that may have been no part of any frame
  KeyUnitRequests key_units_;
};

}  // namespace e2ee::rtp
