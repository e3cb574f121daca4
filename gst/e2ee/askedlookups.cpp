/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "askedlookups.h"

#include <algorithm>
#include <utility>

#include "core/secret.h"

namespace e2ee {

void AskedLookups::add(const void *who, Task look_up) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  // In a forked child nobody runs what ran in the parent.
  if (std::exchange(fork_, fork_generation()) != fork_generation()) {
    posted_ = false;
    current_ = {};
  }
  if (current_.who == who) {
    current_.lookups.push_back(std::move(look_up));
    return;
  }
  auto at = std::find_if(askers_.begin(), askers_.end(),
                         [&](const Asker &known) { return known.who == who; });
  if (at == askers_.end())
    at = askers_.insert(at, {who, {}});
  at->lookups.push_back(std::move(look_up));
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
  dropped.push_back(std::exchange(current_, {}));
}

void AskedLookups::turn() {
  Task look_up;
  {
    std::lock_guard lock(mutex_);
    if (askers_.empty())
      return;
    current_ = std::move(askers_.front());
    askers_.pop_front();
    look_up = std::move(current_.lookups.front());
    current_.lookups.pop_front();
  }
  look_up();
  look_up = nullptr;
  std::lock_guard lock(mutex_);
  Asker asker = std::exchange(current_, {});
  if (!asker.lookups.empty())  // behind those who came meanwhile
    askers_.push_back(std::move(asker));
  posted_ = !askers_.empty();
  if (posted_)
    post();
}

}  // namespace e2ee
