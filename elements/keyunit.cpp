/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keyunit.h"

#include "library.h"

namespace e2ee {

namespace {
constexpr std::chrono::milliseconds kInterval{500};
}  // namespace

bool KeyUnitRequests::ask(GstPad *sink) {
  const Clock::time_point now = library->now();
  if (now < next_.load())
    return false;
  next_ = now + kInterval;
  GST_DEBUG_OBJECT(sink, "asking for a key unit");
  // Without all-headers webrtcbin sends a PLI. A FIR, its other way, is lost in some SFUs (Janus).
  GstStructure *content =
      gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE,
                        "all-headers", G_TYPE_BOOLEAN, FALSE, "count", G_TYPE_UINT, 0, nullptr);
  gst_pad_push_event(sink, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, content));
  return true;
}

}  // namespace e2ee
