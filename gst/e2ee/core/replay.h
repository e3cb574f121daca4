/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "core/aead.h"

namespace e2ee {

/// Knows the last IVs that were accepted under one key. The IVs of the trailer schemes say nothing
/// of order, so that this finds duplicates among the latest frames and no more: a frame recorded
/// earlier passes.
class ReplayFilter {
 public:
  explicit ReplayFilter(std::size_t window = 0) : window_(window) {}

  /// Takes note of the IV of a frame whose tag has verified; false when it was there already.
  bool accept(const Iv &iv) {
    if (window_ == 0)
      return true;
    if (!known_.insert(iv).second)
      return false;
    if (order_.size() < window_) {
      order_.push_back(iv);
      return true;
    }
    known_.erase(std::exchange(order_[oldest_], iv));
    oldest_ = (oldest_ + 1) % window_;
    return true;
  }

 private:
  std::size_t window_;
  std::set<Iv> known_;
  std::vector<Iv> order_;  // a ring once it is full
  std::size_t oldest_ = 0;
};

}  // namespace e2ee
