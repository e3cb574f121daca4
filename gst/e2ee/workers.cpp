/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/secret.h"

namespace e2ee {

namespace {

constexpr std::chrono::seconds kLinger{1};
// A foreign call that takes longer than this gives its place to another worker.
constexpr std::chrono::milliseconds kLong{50};
constexpr std::chrono::milliseconds kLookAgain{5};
constexpr std::chrono::milliseconds kLookForExit{50};
// Derivations that run when the process ends are waited for: each takes a fraction of it.
constexpr std::chrono::seconds kPatienceAtExit{2};
// Of callers that wait for a key to be in use.
constexpr std::chrono::seconds kPatienceWhenBlocked{2};
constexpr std::chrono::seconds kPatience{30};

// The queue whose task this thread runs.
thread_local const WorkQueue *running_queue = nullptr;

}  // namespace

// ---- the threads --------------------------------------------------------------------------------

struct Workers::Worker {
  unsigned foreign_calls = 0;     // one inside the other
  RealClock::time_point since{};  // of the outermost

  bool is_inside() const { return foreign_calls != 0; }
};

thread_local Workers::Worker *Workers::self_ = nullptr;

// Never destroyed: workers are detached and may outlive everything.
Workers &Workers::get() {
  static auto *workers = new Workers;
  return *workers;
}

// Exit handlers run in the reverse order of their registration. OpenSSL's, which frees its
// algorithms and locks, has to be there first; it is there once its algorithms were asked for.
Workers::Workers() : cores_(std::max(1U, std::thread::hardware_concurrency())) {
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  std::atexit([] { get().exit(); });
  // A child has none of the threads. What they waited on still counts them, so it is made anew.
  pthread_atfork([] { get().mutex_.lock(); }, [] { get().mutex_.unlock(); },
                 [] {
                   Workers &child = get();
                   child.working_.clear();
                   child.threads_ = child.idle_ = 0;
                   new (&child.more_) std::condition_variable;
                   new (&child.changed_) std::condition_variable;
                   self_ = nullptr;
                   child.mutex_.unlock();
                 });
}

// Waits for the library's own work only. A worker inside a foreign call stays there, and one that
// ends the process itself is inside one.
void Workers::exit() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  ends_it_ = std::this_thread::get_id();
  changed_.notify_all();
  changed_.wait_for(lock, kPatienceAtExit, [this] {
    return std::all_of(working_.begin(), working_.end(),
                       [](const Worker *worker) { return worker->is_inside(); });
  });
}

// Never comes back while the process ends, but on the thread that runs its exit handlers.
void Workers::stop_if_ending(std::unique_lock<std::mutex> &lock) {
  while (ending_ && ends_it_ != std::this_thread::get_id())
    more_.wait(lock);
}

// Mutex held.
bool Workers::has_task() const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const auto &tasks) { return !tasks.empty(); });
}

// Mutex held.
bool Workers::is_any_inside() const {
  return std::any_of(working_.begin(), working_.end(),
                     [](const Worker *worker) { return worker->is_inside(); });
}

// Mutex held. Whether one more thread may work.
bool Workers::may_work() const {
  const RealClock::time_point now = RealClock::now();
  return static_cast<std::size_t>(
             std::count_if(working_.begin(), working_.end(), [&](const Worker *worker) {
               return !worker->is_inside() || now - worker->since < kLong;
             })) < cores_;
}

// Mutex held. One thread more than those at work: it steps in when a foreign call takes long.
void Workers::start() {
  if (idle_ > 0) {
    more_.notify_one();
    return;
  }
  if (threads_ > working_.size() || ending_)
    return;
  try {
    std::thread([this] { work(); }).detach();
    ++threads_;
    short_of_threads_ = false;
  } catch (const std::system_error &) {
    short_of_threads_ = true;  // whoever waits does the work; callers are C code
  }
}

// Mutex held.
void Workers::add(Urgency urgency, Item item) {
  tasks_[static_cast<std::size_t>(urgency)].push_back(std::move(item));
  start();
}

void Workers::post(Urgency urgency, Task task) {
  std::lock_guard lock(mutex_);
  add(urgency, {std::move(task), nullptr});
}

// Mutex held.
void Workers::post_due() {
  while (!timed_.empty() && timed_.begin()->first <= Clock::now()) {
    Timed due = std::move(timed_.begin()->second);
    timed_.erase(timed_.begin());
    due.queue->add(due.urgency, std::move(due.task));
  }
}

// Mutex held, and there is one.
Task Workers::pop() {
  const auto tasks =
      std::find_if(tasks_.begin(), tasks_.end(), [](const auto &some) { return !some.empty(); });
  Task task = std::move(tasks->front().task);
  tasks->pop_front();
  return task;
}

// Mutex held. Null when there is none that cannot be blocked by somebody else.
Task Workers::pop_for(const WorkQueue &queue) {
  for (auto &tasks : tasks_) {
    const auto at = std::find_if(tasks.begin(), tasks.end(), [&](const Item &item) {
      return item.turn_of == nullptr || item.turn_of == &queue;
    });
    if (at == tasks.end())
      continue;
    Task task = std::move(at->task);
    tasks.erase(at);
    return task;
  }
  return nullptr;
}

// Waits for the next task; false when the thread may end.
bool Workers::next(Task &task, std::unique_lock<std::mutex> &lock) {
  const Clock::time_point patience = Clock::now() + kLinger;
  for (;;) {
    stop_if_ending(lock);
    post_due();
    const bool waits_for_place = has_task();
    if (waits_for_place && may_work()) {
      task = pop();
      return true;
    }
    // Copies: the wait looks at the time once more when it is over. Who works takes the next task
    // by himself, and tells when he goes into a foreign call.
    Clock::time_point until = patience;
    if (waits_for_place)
      until = Clock::now() + (is_any_inside() ? kLookAgain : kLookForExit);
    else if (!timed_.empty())
      until = timed_.begin()->first;
    ++idle_;
    const bool timeout = more_.wait_until(lock, until) == std::cv_status::timeout;
    --idle_;
    if (timeout && !has_task() && (timed_.empty() || idle_ > 0) && Clock::now() >= patience)
      return false;
  }
}

// Mutex held; not while the task runs and ends.
void Workers::run(Task &task, std::unique_lock<std::mutex> &lock) {
  Worker worker;
  Worker *const outer = std::exchange(self_, &worker);
  const auto at = working_.insert(working_.end(), &worker);
  if (has_task() || !timed_.empty())
    start();
  lock.unlock();
  task();
  task = nullptr;  // what it holds may end here
  lock.lock();
  if (self_ == &worker)  // not in a child that was forked meanwhile
    working_.erase(at);
  self_ = outer;
  changed_.notify_all();
}

void Workers::work() {
  pthread_setname_np(pthread_self(), "e2ee-keys");
  std::unique_lock lock(mutex_);
  for (Task task; next(task, lock);)
    run(task, lock);
  Task last = OPENSSL_thread_stop;
  run(last, lock);
  --threads_;
}

// ---- waiting ------------------------------------------------------------------------------------

Done when_done(Task call) {
  return Done(nullptr, [call = std::move(call)](void *) { call(); });
}

Done Completion::token() const {
  return when_done([is_done = is_done_] {
    Workers &workers = Workers::get();
    std::lock_guard lock(workers.mutex_);
    *is_done = true;
    workers.changed_.notify_all();
  });
}

void Completion::wait(const WorkQueue &queue, const std::function<bool()> &may_give_up) const {
  Workers &workers = Workers::get();
  std::unique_lock lock(workers.mutex_);
  while (!*is_done_ && !workers.ending_ && !may_give_up()) {
    Task task = workers.short_of_threads_ ? workers.pop_for(queue) : nullptr;
    if (task) {
      workers.run(task, lock);
    } else {
      workers.changed_.wait_for(lock, kLookForExit);
    }
  }
}

// ---- code of others -----------------------------------------------------------------------------

ForeignCall::ForeignCall() {
  Workers::Worker *worker = Workers::self_;
  if (worker == nullptr)
    return;
  Workers &workers = Workers::get();
  std::lock_guard lock(workers.mutex_);
  if (worker->foreign_calls++ == 0)
    worker->since = RealClock::now();
  workers.changed_.notify_all();
  if (workers.has_task())
    workers.more_.notify_one();  // who looks again soon
}

ForeignCall::~ForeignCall() {
  Workers::Worker *worker = Workers::self_;
  if (worker == nullptr)
    return;
  Workers &workers = Workers::get();
  std::unique_lock lock(workers.mutex_);
  workers.stop_if_ending(lock);
  --worker->foreign_calls;
}

// ---- the tasks of a provider --------------------------------------------------------------------

// Mutex of the workers held. A turn that is posted at a lower urgency finds nothing to do later.
void WorkQueue::post_turn() {
  const auto urgency = static_cast<std::size_t>(first() - tasks_.begin());
  if (running_ || urgency >= turn_at_)
    return;
  turn_at_ = urgency;
  Workers::get().add(static_cast<Urgency>(urgency),
                     {[self = shared_from_this()] { self->turn(); }, this});
}

// The most urgent tasks.
WorkQueue::Tasks::iterator WorkQueue::first() {
  return std::find_if(tasks_.begin(), tasks_.end(), [](const auto &some) { return !some.empty(); });
}

// Mutex of the workers held.
void WorkQueue::add(Urgency urgency, Task task) {
  // In a forked child nobody runs what ran in the parent.
  if (fork_ != fork_generation()) {
    fork_ = fork_generation();
    running_ = false;
    turn_at_ = kUrgencies;
  }
  tasks_[static_cast<std::size_t>(urgency)].push_back(std::move(task));
  post_turn();
}

void WorkQueue::post(Urgency urgency, Task task) {
  std::lock_guard lock(Workers::get().mutex_);
  if (!closed_)
    add(urgency, std::move(task));
}

void WorkQueue::post_at(Clock::time_point when, Urgency urgency, Task task) {
  Workers &workers = Workers::get();
  std::lock_guard lock(workers.mutex_);
  if (closed_)
    return;
  workers.timed_.emplace(when, Workers::Timed{shared_from_this(), urgency, std::move(task)});
  workers.start();
}

void WorkQueue::turn() {
  std::unique_lock lock(Workers::get().mutex_);
  turn_at_ = kUrgencies;
  if (running_)
    return;
  running_ = true;
  const WorkQueue *const outer = std::exchange(running_queue, this);
  run_next(lock);
  running_queue = outer;
  running_ = false;
  post_turn();
}

// Mutex of the workers held; not while the task runs. False when there is none.
bool WorkQueue::run_next(std::unique_lock<std::mutex> &lock) {
  const auto from = first();
  if (from == tasks_.end())
    return false;
  Task task = std::move(from->front());
  from->pop_front();
  since_ = RealClock::now();
  lock.unlock();
  task();
  task = nullptr;  // what it holds may end here
  lock.lock();
  return true;
}

void WorkQueue::run(Urgency urgency, std::function<void(const Done &)> task) {
  const Completion completion;
  Done token = completion.token();
  if (is_inside())
    task(token);
  else
    post(urgency, [task = std::move(task), token] { task(token); });
  token.reset();
  wait_for_workers(completion);
}

void WorkQueue::wait(const Completion &completion) {
  if (is_inside()) {
    std::unique_lock lock(Workers::get().mutex_);
    while (!completion.is_done() && run_next(lock)) {
    }
  }
  wait_for_workers(completion);
}

void WorkQueue::wait_for_workers(const Completion &completion) const {
  const ForeignCall waiting;  // others derive meanwhile
  const bool inside = is_inside();
  const RealClock::time_point last = RealClock::now() + kPatience;
  completion.wait(*this, [this, inside, last] {
    const RealClock::time_point now = RealClock::now();
    return now > last || (!inside && running_ && now - since_ > kPatienceWhenBlocked);
  });
}

bool WorkQueue::is_inside() const {
  return running_queue == this;
}

void WorkQueue::close() {
  Tasks dropped;  // go without the mutex
  std::vector<Workers::Timed> timed;
  Workers &workers = Workers::get();
  std::lock_guard lock(workers.mutex_);
  closed_ = true;
  dropped.swap(tasks_);
  std::erase_if(workers.timed_, [&](auto &entry) {
    const bool mine = entry.second.queue.get() == this;
    if (mine)
      timed.push_back(std::move(entry.second));
    return mine;
  });
}

}  // namespace e2ee
