/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "workers.h"

namespace e2ee {

/// Look-ups that frames asked for, of one provider. Askers take turns: a sender who names many key
/// ids delays the look-up of another one by one call of the provider.
class AskedLookups : public std::enable_shared_from_this<AskedLookups> {
 public:
  explicit AskedLookups(std::shared_ptr<WorkQueue> queue) : queue_(std::move(queue)) {}

  /// `who` asks is compared, never read.
  void add(const void *who, Task look_up);
  /// Drops what waits; nothing is accepted afterwards.
  void close();

 private:
  struct Asker {
    const void *who = nullptr;
    std::deque<Task> lookups;
  };

  void post();
  void turn();

  const std::shared_ptr<WorkQueue> queue_;
  std::mutex mutex_;
  std::deque<Asker> askers_;  // who comes next is in front
  Asker current_;             // whose look-up is under way
  bool posted_ = false;
  unsigned fork_ = 0;
  bool closed_ = false;
};

}  // namespace e2ee
