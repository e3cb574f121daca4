/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>

#include "framecryptor.h"

namespace e2ee {

/// Frames and bytes of one stream for `stats`. Read on any thread. What comes and what leaves is
/// written by one thread at a time each, and so costs no locked instruction; the rest by any.
class Counters {
 public:
  void came(gsize bytes) { add_alone(kBytesIn, bytes); }
  /// A frame, which may have come in several buffers.
  void frame_came() { add_alone(kFramesIn, 1); }
  void left(gsize bytes) {
    add_alone(kFramesOut, 1);
    add_alone(kBytesOut, bytes);
  }
  /// A frame that was to leave did not.
  void take_back(gsize bytes) {
    add_alone(kFramesOut, ~guint64{0});
    add_alone(kBytesOut, ~guint64{bytes} + 1);
  }
  void dropped(Reason reason) { add(kDropped + static_cast<std::size_t>(reason), 1); }
  void passed_in_the_clear() { add(kPassedPlaintext, 1); }
  void server_frame_came() { add(kServerFrames, 1); }
  void ratcheted(std::uint64_t steps) { add(kRatchetSteps, steps); }
  /// It waits for a key from now on, or no longer.
  void held() { add(kHeld, 1); }
  void released() { add(kHeld, ~guint64{0}); }

  /// Adds those of another stream. Nobody else writes here meanwhile.
  void include(const Counters &other);

  /// What `stats` is. `key`: of the last frame that passed. The caller owns it.
  GstStructure *to_structure(const KeyInfo &key) const;

 private:
  enum Field : std::size_t {
    kFramesIn,
    kFramesOut,
    kBytesIn,
    kBytesOut,
    kPassedPlaintext,
    kServerFrames,
    kHeld,
    kRatchetSteps,
    kDropped,  // and by reason from there
    kFields = kDropped + kReasonCount
  };

  void add(std::size_t field, guint64 by) {
    fields_[field].fetch_add(by, std::memory_order_relaxed);
  }
  void add_alone(Field field, guint64 by) {
    fields_[field].store(fields_[field].load(std::memory_order_relaxed) + by,
                         std::memory_order_relaxed);
  }

  std::array<std::atomic<guint64>, kFields> fields_{};
};

}  // namespace e2ee
