// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <atomic>

#include "common.h"

namespace call {

// Holds a source until the call stands, then lets it flow in real time for a while. Without it
// the first frames would be gone before the first receiver is connected.
class Gate {
 public:
  // `clocksync` is the element that paces the source.
  Gate(GstElement *clocksync, GstClockTime duration);
  Gate(const Gate &) = delete;
  Gate &operator=(const Gate &) = delete;

  // The frame that waits here is due at this running time.
  void open(GstClockTime running_time);

  // Ends the stream with the next frame.
  void close() { closed_ = true; }

 private:
  static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  bool is_over(GstClockTime pts);

  ObjectPtr<GstElement> clocksync_;
  GstClockTime duration_;
  GstClockTime first_ = GST_CLOCK_TIME_NONE;
  gulong hold_;
  std::atomic_bool closed_ = false;
};

}  // namespace call
