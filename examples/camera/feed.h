// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <mutex>

#include "common/elements.h"

namespace camera {

// The way of encoded frames into one viewer's pipeline. A viewer that is too slow loses frames up
// to the next key frame, and holds up nobody else. Any thread.
class Feed {
 public:
  // `appsrc` keeps times of the encoder's pipeline. `wants_key_frame` is called on any thread.
  Feed(GstElement *appsrc, examples::Media media, std::function<void()> wants_key_frame);
  Feed(const Feed &) = delete;
  Feed &operator=(const Feed &) = delete;

  // Frames flow from the next key frame on.
  void open();
  // Nothing is on its way any more when this returns.
  void close();

  void push(GstSample *sample);
  guint64 lost() const;  // frames that were too much

 private:
  bool takes(GstBuffer *frame);

  const examples::ObjectPtr<GstElement> appsrc_;
  const bool has_deltas_;
  const std::function<void()> wants_key_frame_;
  mutable std::mutex mutex_;  // guards what follows
  bool open_ = false;
  bool waits_ = false;  // for a key frame
  bool begun_ = false;  // what came before the first one is no loss
  guint64 lost_ = 0;
};

}  // namespace camera
