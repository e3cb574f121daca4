// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <algorithm>
#include <chrono>

namespace examples {

// How long to wait until the next attempt: twice as long each time, and never for all the same.
class Backoff {
 public:
  using Time = std::chrono::milliseconds;

  explicit Backoff(Time first = Time(1000), Time longest = Time(30000))
      : first_(first), longest_(longest), next_(first) {}

  Time next() {
    const Time wait = next_;
    next_ = std::min(2 * next_, longest_);
    return Time(static_cast<Time::rep>(static_cast<double>(wait.count()) *
                                       g_random_double_range(0.8, 1.2)));
  }
  void reset() { next_ = first_; }

 private:
  Time first_, longest_, next_;
};

}  // namespace examples
