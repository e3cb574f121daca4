/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What SFrame ciphertexts leave a depayloader as.
#pragma once

#include <gst/rtp/rtp.h>

#include <optional>

#include "owned.h"

namespace e2ee::rtp {

// What all packets of a ciphertext have in common.
struct Origin {
  guint32 ssrc = 0;
  guint8 payload_type = 0;
  bool packetized = false;  // the ciphertext is of one media packet's payload

  bool operator==(const Origin &) const = default;
};

// The caps of ciphertexts, which their first packets decide.
class CiphertextCaps {
 public:
  // Of a frame, and of the RTP stream. Takes both.
  void set(GstCaps *frame_caps, GstCaps *rtp_caps);
  // New caps when a ciphertext from there needs others than the one before, or null.
  CapsPtr next(const Origin &origin) const;
  // Those are in use.
  void keep(const Origin &origin) { origin_ = origin; }

 private:
  CapsPtr frame_caps_;
  CapsPtr rtp_caps_;
  std::optional<Origin> origin_;  // of the last ciphertext under these caps
};

// Makes RTP packets of ciphertexts, for depayloaders of the codec once they are decrypted.
class PacketsOfCiphertexts {
 public:
  // `last` is the packet that the ciphertext ended with. Takes the ciphertext. With `after_loss`
  // the sequence numbers have a gap.
  GstBuffer *make(GstRTPBuffer *last, GstBuffer *ciphertext, bool after_loss);

 private:
  std::optional<guint16> next_seq_;
};

}  // namespace e2ee::rtp
