/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <atomic>
#include <chrono>
#include <ctime>

namespace e2ee {

/// The steady clock, which tests can put forward: deadlines and rations go by it.
class Clock {
 public:
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    return time_point(std::chrono::steady_clock::now().time_since_epoch() +
                      duration(ahead_.load(std::memory_order_relaxed)));
  }

  /// Off by a few milliseconds, and several times cheaper: for what is done with each frame.
  static time_point coarse() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec) +
                      duration(ahead_.load(std::memory_order_relaxed)));
  }

  /// Whoever sleeps until a deadline does so by the real clock, until something else wakes it.
  static void advance_for_tests(duration by) noexcept { ahead_ += by.count(); }

 private:
  static inline std::atomic<rep> ahead_{0};
};

}  // namespace e2ee
