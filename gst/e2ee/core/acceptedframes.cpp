/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/acceptedframes.h"

#include <set>

namespace e2ee {

namespace {

// Of keys that were taken away or replaced, and may come back.
constexpr std::size_t kMostGone = 32;

}  // namespace

void AcceptedFrames::set_window(std::size_t window) {
  if (window == window_)
    return;
  window_ = window;
  forget();
}

void AcceptedFrames::forget() {
  ivs_.clear();
  counters_.clear();
}

template <typename Filter>
Filter &AcceptedFrames::filter_of(Entries<Filter> &entries,
                                  const std::shared_ptr<const KeyUsage> &key, std::uint64_t kid) {
  Entry<Filter> *known = entries.find(
      [&](const Entry<Filter> &entry) { return entry.key == key && entry.kid == kid; });
  known = known != nullptr ? &entries.use(*known) : &entries.add({key, kid, Filter(window_)});
  return known->filter;
}

bool AcceptedFrames::accept(const Key &key, const Iv &iv) {
  return window_ == 0 || filter_of(ivs_, key.usage, 0).accept(iv);
}

bool AcceptedFrames::accept(const std::shared_ptr<const KeyUsage> &key, std::uint64_t kid,
                            std::uint64_t counter) {
  return window_ == 0 || filter_of(counters_, key, kid).accept(counter);
}

void AcceptedFrames::retain(const KeyRing &ring) {
  if (ivs_.empty() && counters_.empty())
    return;
  std::set<const KeyUsage *> held;
  for (const KeySlot &slot : ring.slots) {
    for (const KeyRef &key : slot.keys)
      held.insert(key->usage.get());
    for (const KeyRef &key : slot.ahead)
      held.insert(key->usage.get());
  }
  const auto drop = [&](auto &entries) {
    std::size_t gone = 0;
    entries.remove_if(
        [&](const auto &entry) { return held.count(entry.key.get()) == 0 && ++gone > kMostGone; });
  };
  drop(ivs_);
  drop(counters_);
}

}  // namespace e2ee
