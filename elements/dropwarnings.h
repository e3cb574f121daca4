/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Warnings on the bus for frames that are dropped until the user mends something. Every application
// shows warnings; the GstE2EEState messages are for those that know this plugin.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/clock.h"
#include "core/reason.h"

namespace e2ee {

/// Decides when an element warns, so that hostile senders cannot flood the bus. It warns once for
/// each reason. It warns again after frames have passed, at the earliest kInterval after the last
/// warning for that reason. Thread-safe.
class DropWarnings {
 public:
  static constexpr std::chrono::seconds kInterval{60};

  /// A frame was dropped that the user wanted. True if the element has to warn.
  bool dropped(Reason reason);

  /// A frame of the stream came through, not one that a server put in. Cheap while all goes well.
  void passed() {
    if (G_UNLIKELY(!all_is_well_.load(std::memory_order_relaxed)))
      note_passed();
  }

  /// A frame came through whose key is to be replaced soon. True the first time for each key.
  bool is_first_near_limit(guint64 key_id);

  /// Another stream, or what follows a flush: counts from here on.
  void start_of_stream();

  /// At the end of a stream of which no frame came through: how many were dropped in which state,
  /// such as "20 decryption-failed". Else empty.
  std::string end_of_stream();

  void reset();

 private:
  struct Entry {
    std::optional<Clock::time_point> told;
    bool over = false;  // frames passed since
    guint64 in_stream = 0;
  };

  void note_passed();

  std::atomic<bool> all_is_well_{false};
  std::mutex mutex_;
  Entry entries_[kReasonCount];
  bool some_passed_ = false;           // of this stream
  std::set<guint64> told_near_limit_;  // key ids
};

}  // namespace e2ee
