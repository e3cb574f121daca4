/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <atomic>

#include "framecryptor.h"

namespace e2ee {

/// Frames and bytes for `stats`. Written where frames are worked on, read on any thread.
class Counters {
 public:
  void came(gsize bytes) { add(bytes_in_, bytes); }
  /// A frame, which may have come in several buffers.
  void frame_came() { add(frames_in_, 1); }
  void left(gsize bytes) {
    add(frames_out_, 1);
    add(bytes_out_, bytes);
  }
  /// A frame that was to leave did not.
  void take_back(gsize bytes) {
    frames_out_.fetch_sub(1, std::memory_order_relaxed);
    bytes_out_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  void dropped(Reason reason) { add(dropped_[static_cast<std::size_t>(reason)], 1); }
  void passed_in_the_clear() { add(passed_plaintext_, 1); }
  void server_frame_came() { add(server_frames_, 1); }
  void ratcheted(std::uint64_t steps) { add(ratchet_steps_, steps); }
  /// It waits for a key from now on, or no longer.
  void held() { add(held_, 1); }
  void released() { held_.fetch_sub(1, std::memory_order_relaxed); }

  /// What `stats` is. `key`: of the last frame that passed. The caller owns it.
  GstStructure *to_structure(const KeyInfo &key) const;

 private:
  using Counter = std::atomic<guint64>;
  static void add(Counter &counter, guint64 by) {
    counter.fetch_add(by, std::memory_order_relaxed);
  }

  Counter frames_in_{0}, frames_out_{0}, bytes_in_{0}, bytes_out_{0};
  Counter dropped_[kReasonCount]{};
  Counter passed_plaintext_{0}, server_frames_{0}, ratchet_steps_{0}, held_{0};
};

}  // namespace e2ee
