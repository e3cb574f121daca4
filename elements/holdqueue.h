/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames that wait for a key that is late, with what follows them, in order.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "buffers/counters.h"
#include "core/clock.h"

namespace e2ee {

/// A queue with a task on the source pad. While nothing waits, frames and events pass through on
/// the caller's thread; from the first frame whose key is missing on, everything goes through the
/// task, which holds that frame until its key comes or its time is over. The caller is blocked only
/// by a slow downstream, never by a missing key.
class HoldQueue {
 public:
  enum class Attempt { done, key_missing };

  struct Turn {
    bool may_wait;  // for the key
    bool again;     // this frame was worked on before
    bool held;      // it has been in the queue
    bool enabled;   // the element was when the frame came
  };

  /// Works on `buffer`. When the key is missing and it may wait, it leaves the buffer, or what it
  /// has made of it, to the queue and returns key_missing; otherwise it takes it and sets `flow`.
  using Work = std::function<Attempt(GstBuffer *&buffer, Turn turn, GstFlowReturn &flow)>;

  /// Works on a serialized event in its turn, and takes it.
  using EventWork = std::function<void(GstEvent *event)>;

  /// `counters` learn of the frames in here, and of those that `work` never got to finish: a flush,
  /// a state change or a downstream that has ended came first.
  HoldQueue(GstPad *src, Counters &counters, Work work, EventWork event_work)
      : src_(src),
        counters_(counters),
        work_(std::move(work)),
        event_work_(std::move(event_work)) {}
  ~HoldQueue() { drop_items(); }
  HoldQueue(const HoldQueue &) = delete;
  HoldQueue &operator=(const HoldQueue &) = delete;

  /// Starts the task. `wait` in nanoseconds, `max_bytes` of memory; the oldest go first.
  void start(GstClockTime wait, gsize max_bytes);
  /// Drops what is held and lets the task end, once nothing blocks its push any more.
  void stop();
  /// Waits for the task, after the pads have been deactivated.
  void join();

  /// From the sink pad's streaming thread. Takes the buffer.
  GstFlowReturn push(GstBuffer *buffer, bool enabled);
  /// True when the event was taken, to be pushed in its turn.
  bool push_event(GstEvent *event);

  void flush_start();
  void flush_stop();

  /// Keys may have come: any thread.
  void wake();

  /// Keys were taken away: frames that wait for a key now are dropped, and those that arrive later
  /// wait anew. Any thread.
  void give_up();

 private:
  struct Item {
    GstBuffer *buffer;  // or
    GstEvent *event;
    Clock::time_point deadline;
    gsize bytes;   // of memory
    bool tried;    // its key was missing when it came
    bool enabled;  // as the element was when it came
  };

  static void loop(gpointer self);
  void turn();
  void work_on(Item item, std::unique_lock<std::mutex> &lock);
  void enqueue(Item item);
  void release(const Item &item);
  void wait_for_room(std::unique_lock<std::mutex> &lock);
  void drop(GstBuffer *buffer);
  void drop_items();

  GstPad *const src_;
  Counters &counters_;
  const Work work_;
  const EventWork event_work_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::deque<GstEvent *> kept_;  // sticky events that a flush must not lose
  Clock::duration wait_{};
  gsize max_bytes_ = 0;
  gsize bytes_ = 0;  // of the items and of the one that is worked on
  unsigned wakes_ = 0;
  bool full_ = false;  // frames are given up until there is some room
  bool busy_ = false;  // an item or event is being worked on
  bool give_up_current_ = false;
  bool flushing_ = true;
  bool stopped_ = true;
  GstFlowReturn flow_ = GST_FLOW_OK;  // of the task's last push
};

}  // namespace e2ee
