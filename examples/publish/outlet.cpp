// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outlet.h"

#include <gst/app/app.h>

namespace publish {

void Outlet::connect(GstElement *appsrc, GstClockTime base_time) {
  const std::lock_guard lock(mutex_);
  appsrc_.reset(GST_ELEMENT(gst_object_ref(appsrc)));
  base_time_ = base_time;
}

void Outlet::disconnect() {
  const std::lock_guard lock(mutex_);
  appsrc_.reset();
}

void Outlet::push(GstSample *sample, GstClockTime time) {
  const std::lock_guard lock(mutex_);
  if (!appsrc_ || time < base_time_)
    return;
  GstAppSrc *appsrc = GST_APP_SRC(appsrc_.get());
  gst_app_src_set_caps(appsrc, gst_sample_get_caps(sample));  // looks whether they are others
  GstBuffer *frame = gst_buffer_copy(gst_sample_get_buffer(sample));
  GST_BUFFER_PTS(frame) = time - base_time_;
  GST_BUFFER_DTS(frame) = GST_CLOCK_TIME_NONE;
  gst_app_src_push_buffer(appsrc, frame);
}

}  // namespace publish
