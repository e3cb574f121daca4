// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>

#include "common/gst_ptr.h"

namespace publish {

// In front of an encoder, which rests while nobody wants what it makes. Any thread.
class Valve {
 public:
  // `pad`: where raw frames pass. `no_timestamps` comes once, on the streaming thread; nothing
  // passes after it.
  Valve(GstPad *pad, std::function<void()> no_timestamps);
  ~Valve();
  Valve(const Valve &) = delete;
  Valve &operator=(const Valve &) = delete;

  void set_open(bool open) { open_ = open; }
  guint64 seen() const { return seen_; }

 private:
  static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  GstPadProbeReturn pass(GstPadProbeInfo *info);

  examples::ObjectPtr<GstPad> pad_;
  const std::function<void()> no_timestamps_;
  gulong probe_;
  std::atomic<bool> open_ = false;
  std::atomic<guint64> seen_ = 0;
  bool broken_ = false;   // streaming thread
  bool dropped_ = false;  // streaming thread: since the last that passed
};

}  // namespace publish
