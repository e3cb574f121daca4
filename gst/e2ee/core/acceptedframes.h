/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/key.h"
#include "core/recent.h"
#include "core/replay.h"
#include "core/slidingwindow.h"

namespace e2ee {

/// What a reader has accepted, by the bytes of the key: a key that is set again is the same,
/// whoever provides it. Only frames that have verified change it. Bounded.
class AcceptedFrames {
 public:
  /// How many are remembered under each key, 0 for none. Another number begins anew.
  void set_window(std::size_t window);

  /// The same frames may come again.
  void forget();

  /// A tag has verified under `key`; false when the frame's IV is among those accepted last.
  bool accept(const Key &key, const Iv &iv);

  /// The same with SFrame, where `key` is that of the stream; false also when the KID's counter is
  /// too far behind.
  bool accept(const std::shared_ptr<const KeyUsage> &key, std::uint64_t kid, std::uint64_t counter);

  /// Of the keys that `ring` does not have, remembers those that were used last.
  void retain(const KeyRing &ring);

 private:
  template <typename Filter>
  struct Entry {
    std::shared_ptr<const KeyUsage> key;  // stands for its bytes
    std::uint64_t kid;
    Filter filter;
  };
  template <typename Filter>
  using Entries = RecentList<Entry<Filter>>;

  template <typename Filter>
  Filter &filter_of(Entries<Filter> &entries, const std::shared_ptr<const KeyUsage> &key,
                    std::uint64_t kid);

  // More than a ring has keys. Only who holds keys can make the least used one be forgotten.
  static constexpr std::size_t kMost = 4096;

  std::size_t window_ = 0;
  Entries<ReplayFilter> ivs_{kMost};
  Entries<SlidingWindow> counters_{kMost};
};

}  // namespace e2ee
