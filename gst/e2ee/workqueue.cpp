/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workqueue.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <system_error>

#include "core/secret.h"

namespace e2ee {

namespace {

constexpr std::chrono::seconds kLinger{1};
constexpr std::chrono::seconds kPatienceAtExit{2};
constexpr std::chrono::milliseconds kLookForExit{50};

/// Lets the process end only between two tasks: OpenSSL frees its algorithms and locks when the
/// process ends, under a worker that is deriving a key.
class ExitGate {
 public:
  /// Never freed: workers are detached and may outlive everything. The first call comes before any
  /// worker is there.
  static ExitGate &instance() {
    static auto *gate = new ExitGate;
    return *gate;
  }

  /// Does not come back once the process is ending.
  void run(const WorkQueue::Task &task) {
    std::unique_lock lock(mutex_);
    while (ending_)
      changed_.wait(lock);
    ++busy_;
    inside_ = 1;
    lock.unlock();
    task();
    lock.lock();
    inside_ = 0;
    --busy_;
    changed_.notify_all();
  }

  /// Nothing that has not begun will be run.
  bool closed() {
    std::lock_guard lock(mutex_);
    return ending_;
  }

 private:
  // Exit handlers run in the reverse order of their registration: OpenSSL's has to be there first.
  // It does nothing when it is asked for nothing; this is what its algorithms ask for.
  ExitGate() {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    std::atexit([] { instance().close(); });
  }

  // Waits for the tasks that run, except one that ends the process itself; not for ever, because
  // an application's own provider may block. Workers do not live on in a forked child, and one may
  // have left it the mutex locked.
  void close() {
    if (fork_ != fork_generation())
      return;
    std::unique_lock lock(mutex_);
    ending_ = true;
    changed_.wait_for(lock, kPatienceAtExit, [this] { return busy_ == inside_; });
  }

  static thread_local unsigned inside_;  // 1 in a task

  const unsigned fork_ = fork_generation();
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned busy_ = 0;
  bool ending_ = false;
};

thread_local unsigned ExitGate::inside_ = 0;

}  // namespace

// Mutex held. Detached: the last reference on a provider, and so on its queue, may be dropped by a
// task.
void WorkQueue::start() {
  if (running_) {
    more_.notify_one();
    return;
  }
  ExitGate::instance();
  try {
    std::thread([self = shared_from_this()] { self->work(); }).detach();
    running_ = true;
  } catch (const std::system_error &) {
    // No more threads now: what is queued waits for the next call. Callers are C code.
  }
}

void WorkQueue::post(Task task) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  tasks_.push_back(std::move(task));
  start();
}

void WorkQueue::post_when_idle(Task task) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  idle_tasks_.push_back(std::move(task));
  start();
}

void WorkQueue::post_at(Clock::time_point when, Task task) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  timed_.emplace(when, std::move(task));
  start();
}

void WorkQueue::run(Task task) {
  {
    std::unique_lock lock(mutex_);
    if (closed_)
      return;
    if (running_ && worker_ == std::this_thread::get_id()) {
      lock.unlock();
      task();
      return;
    }
  }
  // Shared, because a task that close() drops must still let its waiter go.
  struct Done {
    std::promise<void> promise;
    ~Done() { promise.set_value(); }
  };
  auto done = std::make_shared<Done>();
  std::future<void> finished = done->promise.get_future();
  // By the worker, or by whoever does not wait any longer because no worker works any more.
  auto taken = std::make_shared<std::atomic_flag>();
  post([task = std::move(task), taken, done = std::move(done)]() mutable {
    if (!taken->test_and_set())
      task();
    done.reset();
  });
  while (finished.wait_for(kLookForExit) == std::future_status::timeout) {
    if (ExitGate::instance().closed() && !taken->test_and_set())
      return;
  }
}

void WorkQueue::close() {
  std::deque<Task> dropped;
  std::deque<Task> dropped_idle;
  std::multimap<Clock::time_point, Task> dropped_timed;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
  dropped_idle.swap(idle_tasks_);
  dropped_timed.swap(timed_);
  more_.notify_one();
}

// Waits for the next task; false when the thread may end.
bool WorkQueue::next(Task &task, std::unique_lock<std::mutex> &lock) {
  Clock::time_point patience = Clock::now() + kLinger;
  while (!closed_) {
    if (!timed_.empty() && timed_.begin()->first <= Clock::now()) {
      tasks_.push_back(std::move(timed_.begin()->second));
      timed_.erase(timed_.begin());
    } else if (!tasks_.empty() || !idle_tasks_.empty()) {
      std::deque<Task> &from = tasks_.empty() ? idle_tasks_ : tasks_;
      task = std::move(from.front());
      from.pop_front();
      return true;
    } else if (!timed_.empty()) {
      // A copy: the wait looks at it once more when it is over, and close() may have dropped it.
      const Clock::time_point first = timed_.begin()->first;
      more_.wait_until(lock, first);
    } else if (more_.wait_until(lock, patience) == std::cv_status::timeout && tasks_.empty() &&
               idle_tasks_.empty() && timed_.empty()) {
      return false;
    }
  }
  return false;
}

void WorkQueue::work() {
  pthread_setname_np(pthread_self(), "e2ee-keys");
  std::unique_lock lock(mutex_);
  worker_ = std::this_thread::get_id();
  Task task;
  while (next(task, lock)) {
    lock.unlock();
    ExitGate::instance().run([&task] {
      task();
      task = nullptr;  // what it holds may end here, outside the lock
    });
    lock.lock();
  }
  running_ = false;
  worker_ = {};
  lock.unlock();
  ExitGate::instance().run(OPENSSL_thread_stop);
}

}  // namespace e2ee
