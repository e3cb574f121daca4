/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where key work is done: threads that all providers share.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/clock.h"

namespace e2ee {

/// What goes first.
enum class Urgency : unsigned {
  awaited,  // an element that starts or a held frame waits for it
  set,      // the application did something
  asked,    // a frame named a key
  ahead,    // generations to come
};
inline constexpr std::size_t kUrgencies = 4;

/// How long threads are at something: no test puts that forward.
using RealClock = std::chrono::steady_clock;

using Task = std::function<void()>;
class WorkQueue;

/// Work that is spread over several tasks is done when the last copy of its token goes.
using Done = std::shared_ptr<void>;
Done when_done(Task call);

/// For those who wait until work is done.
class Completion {
 public:
  /// Call it once.
  Done token() const;
  /// Returns early when the process ends or `may_give_up` says so. Where no thread can be made it
  /// derives itself, and runs the tasks of `queue`: those of other providers may block.
  void wait(const WorkQueue &queue, const std::function<bool()> &may_give_up) const;

 private:
  friend class WorkQueue;
  bool is_done() const { return *is_done_; }  // under the mutex of the workers

  std::shared_ptr<bool> is_done_ = std::make_shared<bool>(false);
};

/// The threads: as many at work as the machine has cores, beside those that are inside a call of
/// the application's that takes long. They start with the first task and end when there was none
/// for a second; one stays while there are timers. One for the process; a forked child starts with
/// none.
class Workers {
 public:
  static Workers &get();

  /// Runs `task` on a worker. It must not block for long; calls of foreign code are marked by
  /// ForeignCall.
  void post(Urgency urgency, Task task);

 private:
  friend class Completion;
  friend class ForeignCall;
  friend class WorkQueue;
  struct Worker;

  Workers();
  void exit();
  void start();
  struct Item {
    Task task;
    const WorkQueue *turn_of;  // null: a task of the library's own
  };

  void add(Urgency urgency, Item item);
  bool has_task() const;
  bool is_any_inside() const;
  bool may_work() const;
  void post_due();
  bool next(Task &task, std::unique_lock<std::mutex> &lock);
  Task pop();
  Task pop_for(const WorkQueue &queue);
  void run(Task &task, std::unique_lock<std::mutex> &lock);
  void work();
  void stop_if_ending(std::unique_lock<std::mutex> &lock);

  static thread_local Worker *self_;

  const unsigned cores_;
  std::mutex mutex_;  // of this and of all queues: they are locked for moments
  std::condition_variable more_;
  std::condition_variable changed_;  // something ended
  std::array<std::deque<Item>, kUrgencies> tasks_;
  struct Timed {
    std::shared_ptr<WorkQueue> queue;
    Urgency urgency;
    Task task;
  };
  std::multimap<Clock::time_point, Timed> timed_;
  std::list<Worker *> working_;
  unsigned threads_ = 0;
  unsigned idle_ = 0;
  bool short_of_threads_ = false;
  bool ending_ = false;
  std::thread::id ends_it_;  // the thread that ends the process
};

/// While it lives, this thread is inside code that is not the library's: a provider's vfunc, a
/// signal handler, a callback. Another worker steps in when that takes long, and the end of the
/// process does not wait for it: the thread never comes back then.
class ForeignCall {
 public:
  ForeignCall();
  ~ForeignCall();
  ForeignCall(const ForeignCall &) = delete;
  ForeignCall &operator=(const ForeignCall &) = delete;
};

/// Runs tasks one after the other on the workers, the most urgent first. Each provider has one: its
/// vfuncs are never called side by side.
class WorkQueue : public std::enable_shared_from_this<WorkQueue> {
 public:
  /// `task` is dropped, not run, when the queue is closed before its turn.
  void post(Urgency urgency, Task task);
  /// Queues `task` at that time.
  void post_at(Clock::time_point when, Urgency urgency, Task task);

  /// Runs `task` in its turn and waits until its token is gone. On a thread that runs a task of
  /// this queue already it is run at once.
  void run(Urgency urgency, std::function<void(const Done &)> task);

  /// For tasks of this queue and work that comes of them. On a thread that runs one of its tasks
  /// the others are run inside that one. Gives up, and leaves the rest to the workers, when the
  /// process ends, when the application's code blocks the queue, and after half a minute.
  void wait(const Completion &completion);

  /// Whether this thread runs one of its tasks.
  bool is_inside() const;

  /// Drops what has not started. What runs goes on; nothing is accepted afterwards.
  void close();

 private:
  friend class Workers;
  using Tasks = std::array<std::deque<Task>, kUrgencies>;

  void add(Urgency urgency, Task task);
  void post_turn();
  Tasks::iterator first();
  void turn();
  bool run_next(std::unique_lock<std::mutex> &lock);
  void wait_for_workers(const Completion &completion) const;

  Tasks tasks_;
  std::size_t turn_at_ = kUrgencies;  // the urgency of the turn that is posted
  bool running_ = false;
  RealClock::time_point since_{};  // when the running task began
  unsigned fork_ = 0;
  bool closed_ = false;
};

}  // namespace e2ee
