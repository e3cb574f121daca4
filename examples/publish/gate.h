// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "format.h"

namespace publish {

// Why frames cannot be sent at all.
enum class Trouble {
  kNoTimestamps,
  kReordered,  // frames come in another order than they are shown: B-frames
  kProfile,    // VP9 of another profile than 0
};

// What it means for people, and what to do.
std::string words_for(Trouble trouble);

// In front of the encryptor: lets encoded frames through while somebody wants them, beginning with
// a key frame, for which it asks upstream. Any thread.
class Gate {
 public:
  using Clock = std::chrono::steady_clock;
  struct Status {
    bool open = false;
    std::optional<Clock::time_point> waits_since;  // for a key frame that was asked for
    std::optional<GstClockTime> key_interval;      // between the last two key frames
    guint64 seen = 0, passed = 0;
  };

  // `pad`: the encryptor's sink pad. `trouble` comes once, on the streaming thread; nothing passes
  // after it.
  Gate(GstPad *pad, Codec codec, std::function<void(Trouble)> trouble);
  ~Gate();
  Gate(const Gate &) = delete;
  Gate &operator=(const Gate &) = delete;

  void open();
  void close();
  // A receiver cannot go on without one; as open() does. Nothing while it is closed.
  void ask_for_key_frame();

  Status status() const;

 private:
  static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  bool lets_through(GstBuffer *frame);
  std::optional<Trouble> trouble_with(GstBuffer *frame) const;
  void note_key_frame(GstClockTime time);
  void ask_upstream();

  examples::ObjectPtr<GstPad> pad_;
  const Codec codec_;
  const std::function<void(Trouble)> on_trouble_;
  gulong probe_;
  mutable std::mutex mutex_;
  Status status_;
  bool passing_ = false;  // a key frame has passed since it was opened
  bool broken_ = false;   // by trouble
  GstClockTime last_ = GST_CLOCK_TIME_NONE, last_key_ = GST_CLOCK_TIME_NONE;
};

}  // namespace publish
