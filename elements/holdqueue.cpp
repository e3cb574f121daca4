/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "holdqueue.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "library.h"

namespace e2ee {

namespace {

constexpr std::chrono::minutes kLongestNap{1};

// What an entry costs beside the memory of its frame: the GstBuffer with its metas or the GstEvent,
// the GstMemory, a place in the queue. Measured: 350 to 600 bytes.
constexpr gsize kEntry = 1024;

bool is_sticky(GstEvent *event) {
  return (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_STICKY) != 0;
}

gsize allocated_size(GstBuffer *buffer) {
  gsize sum = 0;
  for (guint i = 0; i < gst_buffer_n_memory(buffer); ++i) {
    gsize whole = 0;
    gst_memory_get_sizes(gst_buffer_peek_memory(buffer, i), nullptr, &whole);
    sum += whole;
  }
  return sum;
}

// A frame may be a small part of what it keeps in memory, such as the packet that it came in, or a
// block that other frames are in too.
GstBuffer *without_waste(GstBuffer *buffer) {
  if (gst_buffer_n_memory(buffer) <= 1 &&
      allocated_size(buffer) <= gst_buffer_get_size(buffer) + kEntry)
    return buffer;
  constexpr auto kHow = static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_ALL | GST_BUFFER_COPY_DEEP |
                                                        GST_BUFFER_COPY_MERGE);
  GstBuffer *copy = gst_buffer_copy_region(buffer, kHow, 0, gst_buffer_get_size(buffer));
  if (copy == nullptr)
    return buffer;
  gst_buffer_unref(buffer);
  return copy;
}

}  // namespace

void HoldQueue::start(GstClockTime wait, gsize max_bytes) {
  {
    std::lock_guard lock(mutex_);
    // Half of what the clock can count, a hundred years, stands for more.
    wait_ = Clock::duration(static_cast<Clock::rep>(std::min<GstClockTime>(wait, G_MAXINT64 / 2)));
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
  counters_.dropped(Reason::held_too_long);
}

// Mutex held. Upstream sends caps and tags once: those that were still to come are kept.
void HoldQueue::drop_items() {
  for (Item &item : items_) {
    if (item.buffer != nullptr) {
      drop(item.buffer);
      counters_.released();
    } else if (!stopped_ && is_sticky(item.event) &&
               GST_EVENT_TYPE(item.event) != GST_EVENT_SEGMENT &&
               GST_EVENT_TYPE(item.event) != GST_EVENT_EOS) {
      kept_.push_back(item.event);
    } else {
      gst_event_unref(item.event);
    }
    release(item);
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
    item.deadline = {};
  if (busy_)
    give_up_current_ = true;
  ++wakes_;
  changed_.notify_all();
}

// Mutex held.
void HoldQueue::enqueue(Item item) {
  item.deadline = library->now() + wait_;
  item.bytes = kEntry;
  if (item.buffer != nullptr) {
    item.buffer = without_waste(item.buffer);
    item.bytes += allocated_size(item.buffer);
    counters_.held();
  }
  bytes_ += item.bytes;
  full_ = full_ || bytes_ > max_bytes_;
  items_.push_back(item);
  changed_.notify_all();
}

// Mutex held. What went leaves room for several that come: to change threads for each would take
// most of the time.
void HoldQueue::release(const Item &item) {
  bytes_ -= item.bytes;
  if (bytes_ <= max_bytes_ - max_bytes_ / 8)
    full_ = false;
}

// The task gives up the oldest frames, which takes no longer than to work on them. Or downstream is
// slow, and upstream has to feel it.
void HoldQueue::wait_for_room(std::unique_lock<std::mutex> &lock) {
  changed_.wait(lock, [this] { return flushing_ || !full_ || (items_.size() <= 1 && !busy_); });
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
    enqueue({buffer, nullptr, {}, 0, true, enabled});
  } else if (flow_ != GST_FLOW_OK) {
    drop(buffer);
    return flow_;
  } else {
    enqueue({buffer, nullptr, {}, 0, false, enabled});
  }
  wait_for_room(lock);
  return flushing_ ? GST_FLOW_FLUSHING : flow_;
}

bool HoldQueue::push_event(GstEvent *event) {
  std::unique_lock lock(mutex_);
  if (flushing_ || (items_.empty() && !busy_))
    return false;
  enqueue({nullptr, event, {}, 0, false, true});
  wait_for_room(lock);
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
  release(item);
  if (item.buffer != nullptr)
    counters_.released();
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
      item.deadline = {};
    const bool may_wait = !full_ && library->now() < item.deadline;
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
    const auto left = std::min<Clock::duration>(item.deadline - library->now(), kLongestNap);
    changed_.wait_for(lock, left, [&] {
      return flushing_ || wakes_ != seen || full_ || library->now() >= item.deadline;
    });
    if (flushing_)
      break;
  }
  drop(item.buffer);
}

}  // namespace e2ee
