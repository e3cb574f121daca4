/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace e2ee {

/// Knows which of the last counters of one sender were accepted. SFrame's counters grow by one with
/// each frame, so that, unlike the trailer schemes' ReplayFilter, this refuses whatever is older
/// than the window as well.
class SlidingWindow {
 public:
  explicit SlidingWindow(std::size_t size = 0) : size_(size), bits_((size + 63) / 64) {}

  /// Takes note of the counter of a frame whose tag has verified; false when it was there already
  /// or is too old to tell. A window of 0 takes all.
  bool accept(std::uint64_t counter) {
    if (size_ == 0)
      return true;
    if (!started_ || counter > top_) {
      advance_to(counter);
    } else if (top_ - counter >= size_ || is_set(counter)) {
      return false;
    }
    set(counter);
    return true;
  }

 private:
  // Counters have their place by their remainder; what comes into the window is cleared.
  void advance_to(std::uint64_t counter) {
    const std::uint64_t steps = started_ ? counter - top_ : size_;
    if (steps >= size_) {
      bits_.assign(bits_.size(), 0);
    } else {
      for (std::uint64_t i = 1; i <= steps; ++i)
        bits_[place(top_ + i) / 64] &= ~(std::uint64_t{1} << (place(top_ + i) % 64));
    }
    top_ = counter;
    started_ = true;
  }
  std::size_t place(std::uint64_t counter) const { return counter % size_; }
  bool is_set(std::uint64_t counter) const {
    return (bits_[place(counter) / 64] >> (place(counter) % 64) & 1) != 0;
  }
  void set(std::uint64_t counter) {
    bits_[place(counter) / 64] |= std::uint64_t{1} << (place(counter) % 64);
  }

  std::size_t size_;
  std::vector<std::uint64_t> bits_;
  std::uint64_t top_ = 0;
  bool started_ = false;
};

}  // namespace e2ee
