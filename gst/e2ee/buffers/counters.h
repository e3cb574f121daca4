/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <atomic>

#include "framecryptor.h"

namespace e2ee {

/// Frames and bytes for `stats`. Written where frames are worked on, read on any thread.
struct Counters {
  std::atomic<guint64> frames_in{0}, frames_out{0}, bytes_in{0}, bytes_out{0};
  std::atomic<guint64> dropped[kReasonCount]{};
  std::atomic<guint64> passed_plaintext{0}, server_frames{0}, ratchet_steps{0};
  std::atomic<guint64> held{0};  // now, waiting for a key

  /// What `stats` is. `key`: of the last frame that passed. The caller owns it.
  GstStructure *to_structure(const KeyInfo &key) const;
};

}  // namespace e2ee
