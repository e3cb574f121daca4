/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"

namespace e2ee {

/// Posts the GstE2EEState messages of one element: each state at most once a second, the last one
/// always. Thread-safe; posts without a lock held.
class StateReporter : public std::enable_shared_from_this<StateReporter> {
 public:
  explicit StateReporter(GstElement *element) { g_weak_ref_init(&element_, element); }
  ~StateReporter() { g_weak_ref_clear(&element_); }
  StateReporter(const StateReporter &) = delete;
  StateReporter &operator=(const StateReporter &) = delete;

  /// One frame ended in `state`, a string that lives for ever. Cheap while all goes well: "ok" is
  /// told when it is new only.
  /// With `rarely` the state is told every ten seconds only.
  void report(const char *state, const std::string &participant, guint64 key_id,
              bool rarely = false);

  /// Tells what waits for its second: when that is over, or with `all` at once, since the stream
  /// ends.
  void tell_waiting(bool all);

  bool is_ok() const { return ok_.load(std::memory_order_relaxed); }

  /// Forgets what was and what waits to be told.
  void reset();

 private:
  struct Entry {
    std::string participant;
    guint64 key_id = 0;
    guint64 count = 0;  // since the last message
    guint64 order = 0;  // of the last occurrence
    std::optional<Clock::time_point> told;
    bool waits = false;
    bool rarely = false;
    Clock::time_point due() const;
  };

  GstMessage *message_of(GstElement *element, const char *state, Entry &entry,
                         Clock::time_point now);
  void schedule(Clock::time_point when);

  GWeakRef element_;
  std::atomic<bool> ok_{false};
  std::mutex mutex_;
  std::map<const char *, Entry> entries_;  // one for each state: bounded
  const char *last_ = nullptr;             // state
  guint64 order_ = 0;
  Clock::time_point scheduled_ = Clock::time_point::max();  // when tell_waiting() comes next
};

}  // namespace e2ee
