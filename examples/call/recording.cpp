// SPDX-License-Identifier: LGPL-2.1-or-later
#include "recording.h"

#include "wait.h"

namespace call {
namespace {

constexpr std::chrono::seconds kFinishTime{10};

}  // namespace

Recording::Recording(GstElement *pipeline, const std::string &file,
                     const std::vector<GstPad *> &streams)
    : sink_name_(std::string(GST_OBJECT_NAME(pipeline)) + "-file") {
  GstElement *muxer = add_element(pipeline, "webmmux");
  g_object_set(muxer, "offset-to-zero", TRUE, nullptr);
  GstElement *sink = add_element(pipeline, "filesink", sink_name_.c_str());
  g_object_set(sink, "location", file.c_str(), "async", FALSE, "sync", FALSE, nullptr);
  link_chain({muxer, sink});
  join_running({muxer, sink});

  for (GstPad *stream : streams)
    add_stream(pipeline, muxer, stream);
}

void Recording::add_stream(GstElement *pipeline, GstElement *muxer, GstPad *stream) {
  CapsPtr caps(gst_pad_get_current_caps(stream));
  const char *media = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
  // The muxer takes the streams in step. While one of them is late the other must not be blocked,
  // or finish() could not end it.
  GstElement *queue = add_queue(pipeline, 0);
  GstElement *last = queue;
  if (g_str_equal(media, "audio/x-opus")) {
    // RTP caps do not carry the sample rate, which the file needs.
    last = add_element(pipeline, "opusparse");
    link_chain({queue, last});
  }
  link_chain({last, muxer});
  join_running({queue, last});

  ObjectPtr<GstPad> input = static_pad(queue, "sink");
  if (gst_pad_link(stream, input.get()) != GST_PAD_LINK_OK)
    throw Failure(std::string("cannot record ") + media);
  inputs_.push_back(std::move(input));
}

bool Recording::finish(BusWatch &bus) {
  for (auto &input : inputs_)
    gst_pad_send_event(input.get(), gst_event_new_eos());
  return wait_until(kFinishTime, [&] {
    bus.check();
    return bus.reached_end(sink_name_);
  });
}

}  // namespace call
