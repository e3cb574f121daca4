/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>

#include "core/clock.h"

namespace e2ee {

/// Fifty a second, and as many at once after a rest.
class TokenBucket {
 public:
  bool take() {
    const Clock::time_point now = Clock::now();
    tokens_ =
        std::min(kMost, tokens_ + kPerSecond * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    if (tokens_ < 1)
      return false;
    tokens_ -= 1;
    return true;
  }

 private:
  static constexpr double kPerSecond = 50;
  static constexpr double kMost = 50;

  double tokens_ = kMost;
  Clock::time_point last_{};
};

/// How often a decryptor may look whether a bad frame belongs to another generation than those that
/// are likely. A sender that really ratchets is found with its first frame; a flood of forged
/// frames costs little more than without a ratchet window.
class SearchBudget {
 public:
  /// Whether a search is in order now. `tolerance`: failures in a row after which there is one a
  /// second only; negative: no limit of that kind. Looks at the clock only after a failure.
  bool allows(int tolerance) {
    if (failures_ == 0)
      return true;
    const bool backing_off = tolerance >= 0 && failures_ > static_cast<unsigned>(tolerance);
    const double rate = backing_off ? 1 : kPerSecond;
    const double most = backing_off ? 1 : kBurst;
    const Clock::time_point now = Clock::now();
    tokens_ = std::min(most, tokens_ + rate * std::chrono::duration<double>(now - last_).count());
    last_ = now;
    return tokens_ >= 1;
  }
  void take() { tokens_ = std::max(tokens_ - 1, -kBurst); }

  void failed() { ++failures_; }
  void succeeded() { failures_ = 0; }
  unsigned failures() const { return failures_; }

 private:
  static constexpr double kPerSecond = 50;
  static constexpr double kBurst = 50;

  double tokens_ = kBurst;
  Clock::time_point last_{};
  unsigned failures_ = 0;
};

}  // namespace e2ee
