/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <atomic>

namespace e2ee {

/// Asks upstream for key frames, for a decoder that missed frames.
class KeyUnitRequests {
 public:
  /// False when the last request was so short ago that another would only load the sender.
  bool ask(GstPad *sink);
  /// The next one goes out at once.
  void reset() { last_ = 0; }

 private:
  std::atomic<gint64> last_{0};  // monotonic microseconds, 0 = never
};

}  // namespace e2ee
