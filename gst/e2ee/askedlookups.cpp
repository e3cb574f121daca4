/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "askedlookups.h"

#include <algorithm>
#include <utility>

#include "core/secret.h"

namespace e2ee {

void AskedLookups::add(const void *asker, Task look_up) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  auto at = std::find_if(askers_.begin(), askers_.end(),
                         [&](const Asker &known) { return known.who == asker; });
  if (at == askers_.end())
    at = askers_.insert(at, {asker, {}});
  at->lookups.push_back(std::move(look_up));
  if (std::exchange(fork_, fork_generation()) != fork_generation())
    posted_ = false;  // in a forked child nobody runs what ran in the parent
  if (!std::exchange(posted_, true))
    post();
}

// One at a time in the queue: what is more urgent goes in front of the next.
void AskedLookups::post() {
  queue_->post(Urgency::asked, [self = shared_from_this()] { self->turn(); });
}

void AskedLookups::close() {
  std::deque<Asker> dropped;  // go without the mutex
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(askers_);
}

void AskedLookups::turn() {
  Task look_up;
  {
    std::lock_guard lock(mutex_);
    if (askers_.empty())
      return;
    Asker asker = std::move(askers_.front());
    askers_.pop_front();
    look_up = std::move(asker.lookups.front());
    asker.lookups.pop_front();
    if (!asker.lookups.empty())
      askers_.push_back(std::move(asker));
  }
  look_up();
  look_up = nullptr;
  std::lock_guard lock(mutex_);
  posted_ = !askers_.empty();
  if (posted_)
    post();
}

}  // namespace e2ee
