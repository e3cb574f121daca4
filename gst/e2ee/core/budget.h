/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>

#include "core/clock.h"

namespace e2ee {

/// So many a second, and as many at once after a rest. Tokens come with time only.
class TokenBucket {
 public:
  explicit TokenBucket(double each_second = 50) : most_(each_second), tokens_(each_second) {}

  /// Whether there is one. Looks at the clock only when there seems to be none.
  bool has_one() {
    if (tokens_ < 1)
      fill();
    return tokens_ >= 1;
  }
  bool take() {
    fill();
    if (tokens_ < 1)
      return false;
    tokens_ -= 1;
    return true;
  }

 private:
  void fill() {
    const Clock::time_point now = Clock::now();
    const double passed = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(most_, tokens_ + most_ * passed);
    last_ = now;
  }

  double most_;
  double tokens_;
  Clock::time_point last_{};
};

/// How often a decryptor may look whether a bad frame belongs to another generation than those that
/// are likely. A sender that really ratchets is found with its first frame; a flood of forged
/// frames costs little more than without a ratchet window, whatever good ones are among them.
class SearchBudget {
 public:
  /// Whether a search is in order now. `tolerance`: failures after which there is one a
  /// second only, until none came for a second; negative: no limit of that kind.
  bool allows(int tolerance) { return bucket(tolerance).has_one(); }
  /// A search that was in order begins.
  void take(int tolerance) { bucket(tolerance).take(); }

  void failed() {
    ++failures_;
    ++strain_;
    last_failure_ = Clock::coarse();
  }
  /// Whoever can replay a good frame among forged ones gets no more searches for that: only a
  /// second without a bad one ends the backing off.
  void succeeded() {
    constexpr std::chrono::seconds kRest{1};
    failures_ = 0;
    if (strain_ != 0 && Clock::coarse() - last_failure_ >= kRest)
      strain_ = 0;
  }
  /// In a row.
  unsigned failures() const { return failures_; }

 private:
  TokenBucket &bucket(int tolerance) {
    return tolerance >= 0 && strain_ > static_cast<unsigned>(tolerance) ? rare_ : usual_;
  }

  TokenBucket usual_;
  TokenBucket rare_{1};
  unsigned failures_ = 0;
  unsigned strain_ = 0;  // failures since there was such a rest
  Clock::time_point last_failure_{};
};

}  // namespace e2ee
