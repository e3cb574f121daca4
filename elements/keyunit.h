/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <atomic>

#include "core/clock.h"

namespace e2ee {

/// Asks upstream for key frames, for a decoder that missed frames.
class KeyUnitRequests {
 public:
  /// False when the last request was so short ago that another would only load the sender.
  bool ask(GstPad *sink);
  /// The next one goes out at once.
  void reset() { next_ = Clock::time_point(); }

 private:
  std::atomic<Clock::time_point> next_{};  // at the earliest
};

}  // namespace e2ee
