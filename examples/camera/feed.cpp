// SPDX-License-Identifier: LGPL-2.1-or-later
#include "feed.h"

#include <gst/app/gstappsrc.h>

#include <utility>

namespace camera {
namespace {

constexpr GstClockTime kMostQueued = GST_SECOND;

}  // namespace

Feed::Feed(GstElement *appsrc, examples::Media media, std::function<void()> wants_key_frame)
    : appsrc_(GST_ELEMENT(gst_object_ref(appsrc))),
      has_deltas_(media == examples::Media::kVideo),
      wants_key_frame_(std::move(wants_key_frame)) {
  // What is too much is told here, not there.
  g_object_set(appsrc, "is-live", TRUE, "handle-segment-change", TRUE, "max-bytes", guint64{0},
               "max-time", guint64{0}, "max-buffers", guint64{0}, nullptr);
  gst_util_set_object_arg(G_OBJECT(appsrc), "format", "time");
}

void Feed::open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
    waits_ = has_deltas_;
  }
  if (has_deltas_)
    wants_key_frame_();
}

void Feed::close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

// The mutex is held.
bool Feed::takes(GstBuffer *frame) {
  if (waits_ && GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT))
    return false;
  const bool full = gst_app_src_get_current_level_time(GST_APP_SRC(appsrc_.get())) > kMostQueued;
  waits_ = full && has_deltas_;
  return !full;
}

void Feed::push(GstSample *sample) {
  bool lost = false;
  {
    const std::lock_guard lock(mutex_);
    if (!open_)
      return;
    const bool waited = waits_;
    if (takes(gst_sample_get_buffer(sample))) {
      begun_ = true;
      gst_app_src_push_sample(GST_APP_SRC(appsrc_.get()), sample);
      return;
    }
    lost_ += begun_ ? 1 : 0;
    lost = !waited && waits_;
  }
  if (lost)
    wants_key_frame_();
}

guint64 Feed::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

}  // namespace camera
