/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holdqueue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace e2ee {

namespace {

constexpr gint64 kLongestNap = 60 * G_USEC_PER_SEC;

bool is_sticky(GstEvent *event) {
  return (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_STICKY) != 0;
}

}  // namespace

void HoldQueue::start(GstClockTime wait, gsize max_bytes) {
  {
    std::lock_guard lock(mutex_);
    wait_us_ = static_cast<gint64>(wait / GST_USECOND);
    max_bytes_ = max_bytes;
    flushing_ = false;
    stopped_ = false;
    flow_ = GST_FLOW_OK;
  }
  gst_pad_start_task(src_, loop, this, nullptr);
}

void HoldQueue::stop() {
  std::lock_guard lock(mutex_);
  flushing_ = true;
  stopped_ = true;
  drop_items();
  for (GstEvent *event : kept_)
    gst_event_unref(event);
  kept_.clear();
  changed_.notify_all();
}

void HoldQueue::join() {
  gst_pad_stop_task(src_);
}

void HoldQueue::drop(GstBuffer *buffer) {
  gst_buffer_unref(buffer);
  ++dropped_;
}

// Mutex held. Upstream sends caps and tags once: those that were still to come are kept.
void HoldQueue::drop_items() {
  for (Item &item : items_) {
    if (item.buffer != nullptr) {
      drop(item.buffer);
      --held_;
    } else if (!stopped_ && is_sticky(item.event) &&
               GST_EVENT_TYPE(item.event) != GST_EVENT_SEGMENT &&
               GST_EVENT_TYPE(item.event) != GST_EVENT_EOS) {
      kept_.push_back(item.event);
    } else {
      gst_event_unref(item.event);
    }
    bytes_ -= item.bytes;
  }
  items_.clear();
}

void HoldQueue::flush_start() {
  std::lock_guard lock(mutex_);
  flushing_ = true;
  drop_items();
  changed_.notify_all();
}

void HoldQueue::flush_stop() {
  std::unique_lock lock(mutex_);
  // A push that was under way returns: downstream flushes too.
  changed_.wait(lock, [this] { return !busy_; });
  std::deque<GstEvent *> kept;
  kept.swap(kept_);
  lock.unlock();
  for (GstEvent *event : kept)
    event_work_(event);
  lock.lock();
  flushing_ = stopped_;
  flow_ = GST_FLOW_OK;
}

void HoldQueue::wake() {
  std::lock_guard lock(mutex_);
  ++wakes_;
  changed_.notify_all();
}

void HoldQueue::give_up() {
  std::lock_guard lock(mutex_);
  for (Item &item : items_)
    item.deadline = 0;
  if (busy_)
    give_up_current_ = true;
  ++wakes_;
  changed_.notify_all();
}

// Mutex held.
void HoldQueue::enqueue(const Item &item) {
  items_.push_back(item);
  items_.back().deadline = g_get_monotonic_time() + wait_us_;
  items_.back().bytes = item.buffer != nullptr ? gst_buffer_get_size(item.buffer) : 0;
  bytes_ += items_.back().bytes;
  if (item.buffer != nullptr)
    ++held_;
  changed_.notify_all();
}

GstFlowReturn HoldQueue::push(GstBuffer *buffer, bool enabled) {
  std::unique_lock lock(mutex_);
  if (flushing_) {
    drop(buffer);
    return GST_FLOW_FLUSHING;
  }
  if (items_.empty() && !busy_) {
    GstFlowReturn flow = GST_FLOW_OK;
    lock.unlock();
    if (work_(buffer, {true, false, false, enabled}, flow) == Attempt::done)
      return flow;
    lock.lock();
    if (flushing_) {
      drop(buffer);
      return GST_FLOW_FLUSHING;
    }
    flow_ = GST_FLOW_OK;  // what the task met earlier is over: frames went through since
    enqueue({buffer, nullptr, 0, 0, true, enabled});
  } else if (flow_ != GST_FLOW_OK) {
    drop(buffer);
    return flow_;
  } else {
    enqueue({buffer, nullptr, 0, 0, false, enabled});
  }
  // Too much: while a key is waited for, the task gives up the oldest frame; else downstream is
  // slow, and upstream has to feel it.
  changed_.wait(lock, [this] {
    return flushing_ || waiting_ || bytes_ <= max_bytes_ || (items_.size() <= 1 && !busy_);
  });
  return flushing_ ? GST_FLOW_FLUSHING : flow_;
}

bool HoldQueue::push_event(GstEvent *event) {
  std::lock_guard lock(mutex_);
  if (flushing_ || (items_.empty() && !busy_))
    return false;
  enqueue({nullptr, event, 0, 0, false, true});
  return true;
}

void HoldQueue::loop(gpointer self) {
  static_cast<HoldQueue *>(self)->turn();
}

void HoldQueue::turn() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || (!flushing_ && !items_.empty()); });
  if (stopped_) {
    gst_pad_pause_task(src_);
    return;
  }
  Item item = items_.front();
  items_.pop_front();
  busy_ = true;
  give_up_current_ = false;
  work_on(item, lock);
  bytes_ -= item.bytes;
  if (item.buffer != nullptr)
    --held_;
  busy_ = false;
  changed_.notify_all();
}

void HoldQueue::work_on(Item item, std::unique_lock<std::mutex> &lock) {
  if (item.event != nullptr) {
    lock.unlock();
    event_work_(item.event);
    lock.lock();
    return;
  }
  for (bool again = item.tried;; again = true) {
    const unsigned seen = wakes_;
    if (std::exchange(give_up_current_, false))
      item.deadline = 0;
    const bool may_wait = bytes_ <= max_bytes_ && g_get_monotonic_time() < item.deadline;
    GstFlowReturn flow = GST_FLOW_OK;
    lock.unlock();
    const Attempt attempt = work_(item.buffer, {may_wait, again, true, item.enabled}, flow);
    lock.lock();
    if (attempt == Attempt::done) {
      flow_ = flow;
      return;
    }
    if (flushing_)
      break;
    waiting_ = true;
    changed_.notify_all();
    // A wait of centuries would overflow the clock's nanoseconds.
    const auto left =
        std::chrono::microseconds(std::min(item.deadline - g_get_monotonic_time(), kLongestNap));
    changed_.wait_for(lock, left, [&] {
      return flushing_ || wakes_ != seen || bytes_ > max_bytes_ ||
             g_get_monotonic_time() >= item.deadline;
    });
    waiting_ = false;
    if (flushing_)
      break;
  }
  drop(item.buffer);
}

}  // namespace e2ee
