/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "support/pipeline.h"

namespace e2ee::test {

/// What `e2eeencrypt` says when caps come to it. In the launch line it is the first element, named
/// "enc".
inline std::vector<std::string> warnings_at_caps(Pipeline &pipeline, const char *caps) {
  pipeline.play();
  pipeline.take_log();
  GstPad *sink = gst_element_get_static_pad(pipeline.get("enc"), "sink");
  gst_pad_send_event(sink, gst_event_new_stream_start("payloaders"));
  const Caps of_frames(gst_caps_from_string(caps));
  gst_pad_send_event(sink, gst_event_new_caps(of_frames.get()));
  gst_object_unref(sink);
  return pipeline.take_log().warnings;
}

}  // namespace e2ee::test
