/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace e2ee {

/// So many things at most, those used last in front: one more makes the least used one go.
template <typename T>
class RecentList {
 public:
  explicit RecentList(std::size_t most) : most_(most) {}

  /// The first for which `is` holds; null when there is none.
  template <typename Is>
  T *find(Is is) {
    const auto at = std::find_if(items_.begin(), items_.end(), is);
    return at == items_.end() ? nullptr : &*at;
  }

  /// Moves one that find() gave to the front, where it is then.
  T &use(T &item) {
    const auto at = items_.begin() + (&item - items_.data());
    if (at != items_.begin())
      std::rotate(items_.begin(), at, at + 1);
    return items_.front();
  }

  /// In front.
  T &add(T item) {
    if (items_.size() >= most_)
      items_.pop_back();
    items_.insert(items_.begin(), std::move(item));
    return items_.front();
  }

  /// `is` is asked in order, the one used last first.
  template <typename Is>
  void remove_if(Is is) {
    std::erase_if(items_, is);
  }
  void clear() { items_.clear(); }
  bool empty() const { return items_.empty(); }

 private:
  std::size_t most_;
  std::vector<T> items_;
};

}  // namespace e2ee
