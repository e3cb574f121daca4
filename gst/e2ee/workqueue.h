/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/clock.h"

namespace e2ee {

/// Runs tasks one after the other on a thread of its own, which exists only while there is work and
/// a little longer. Each provider has one, so that a provider that blocks stops nobody else.
class WorkQueue : public std::enable_shared_from_this<WorkQueue> {
 public:
  using Task = std::function<void()>;

  /// Queues `task`. It is dropped, not run, when the queue is closed before its turn.
  void post(Task task);

  /// Queues `task` behind everything that is posted, now or later, in the ordinary way.
  void post_when_idle(Task task);

  /// Queues `task` at that time.
  void post_at(Clock::time_point when, Task task);

  /// Queues `task` and waits for it; runs it at once when called on the worker itself, and not at
  /// all when the process ends first.
  void run(Task task);

  /// Drops what has not started. What runs goes on; nothing is accepted afterwards.
  void close();

 private:
  void start();
  bool next(Task &task, std::unique_lock<std::mutex> &lock);
  void work();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Task> tasks_;
  std::deque<Task> idle_tasks_;
  std::multimap<Clock::time_point, Task> timed_;
  std::thread::id worker_;  // of the running thread
  bool running_ = false;
  bool closed_ = false;
};

}  // namespace e2ee
