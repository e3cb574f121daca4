/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workqueue.h"

#include <pthread.h>

#include <chrono>
#include <future>

namespace e2ee {

namespace {
constexpr std::chrono::seconds kLinger{1};
}

void WorkQueue::post(Task task) {
  std::lock_guard lock(mutex_);
  if (closed_)
    return;
  tasks_.push_back(std::move(task));
  if (running_) {
    more_.notify_one();
    return;
  }
  // Detached: the last reference on a provider, and so on its queue, may be dropped by a task.
  std::thread([self = shared_from_this()] { self->work(); }).detach();
  running_ = true;
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
  post([task = std::move(task), done = std::move(done)]() mutable {
    task();
    done.reset();
  });
  finished.wait();
}

void WorkQueue::close() {
  std::deque<Task> dropped;
  std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
  more_.notify_one();
}

void WorkQueue::work() {
  pthread_setname_np(pthread_self(), "e2ee-keys");
  std::unique_lock lock(mutex_);
  worker_ = std::this_thread::get_id();
  while (more_.wait_for(lock, kLinger, [this] { return closed_ || !tasks_.empty(); })) {
    if (tasks_.empty())
      break;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds may end here, outside the lock
    lock.lock();
  }
  running_ = false;
}

}  // namespace e2ee
