// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <mutex>

#include "common/gst_ptr.h"

namespace publish {

// The way of encrypted frames from a source, which goes on, into the connection of the moment. Any
// thread.
class Outlet {
 public:
  // `appsrc` is in a pipeline whose running time began at `base_time` of the system clock.
  void connect(GstElement *appsrc, GstClockTime base_time);
  // No frame is on its way any more when this returns.
  void disconnect();

  // `time`: when the frame is shown, on the system clock.
  void push(GstSample *sample, GstClockTime time);

 private:
  std::mutex mutex_;
  examples::ObjectPtr<GstElement> appsrc_;
  GstClockTime base_time_ = 0;
};

}  // namespace publish
