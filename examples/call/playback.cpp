// SPDX-License-Identifier: LGPL-2.1-or-later
#include "playback.h"

#include <atomic>
#include <chrono>

#include "bus_watch.h"
#include "common.h"
#include "wait.h"

namespace call {
namespace {

constexpr std::chrono::seconds kPlayTime{120};

struct Branch {
  GstElement *queue = nullptr;
  std::string sink_name;
  std::atomic_size_t buffers = 0;
};

GstPadProbeReturn count(GstPad *, GstPadProbeInfo *, gpointer branch) {
  ++static_cast<Branch *>(branch)->buffers;
  return GST_PAD_PROBE_OK;
}

void build(GstElement *pipeline, const char *decoder_name, Branch &branch) {
  branch.queue = add_element(pipeline, "queue");
  GstElement *decoder = add_element(pipeline, decoder_name);
  GstElement *sink = add_element(pipeline, "fakesink");
  // Streams may start seconds apart: a sink that waited for the other's first buffer would fill
  // its queue and so keep that buffer from coming.
  g_object_set(sink, "async", FALSE, nullptr);
  branch.sink_name = GST_OBJECT_NAME(sink);
  link_chain({branch.queue, decoder, sink});
  gst_pad_add_probe(static_pad(sink, "sink").get(), GST_PAD_PROBE_TYPE_BUFFER, count, &branch,
                    nullptr);
}

struct Branches {
  Branch video, audio;
};

void on_demuxed(GstElement *, GstPad *pad, gpointer data) {
  auto *branches = static_cast<Branches *>(data);
  const bool video = g_str_has_prefix(GST_PAD_NAME(pad), "video");
  GstElement *queue = (video ? branches->video : branches->audio).queue;
  if (queue)
    gst_pad_link(pad, static_pad(queue, "sink").get());
}

}  // namespace

Played play_file(const std::string &file, const std::string &video_decoder, bool video,
                 bool audio) {
  Branches branches;
  BusWatch bus;
  PipelinePtr pipeline = make_pipeline("playback");
  bus.add(pipeline.get());
  GstElement *source = add_element(pipeline.get(), "filesrc");
  GstElement *demuxer = add_element(pipeline.get(), "matroskademux");
  g_object_set(source, "location", file.c_str(), nullptr);
  link_chain({source, demuxer});
  if (video)
    build(pipeline.get(), video_decoder.c_str(), branches.video);
  if (audio)
    build(pipeline.get(), "opusdec", branches.audio);
  g_signal_connect(demuxer, "pad-added", G_CALLBACK(on_demuxed), &branches);

  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const bool ended = wait_until(kPlayTime, [&] {
    bus.check();
    return (!video || bus.reached_end(branches.video.sink_name)) &&
           (!audio || bus.reached_end(branches.audio.sink_name));
  });
  if (!ended)
    throw Failure("playing " + file + " does not end");

  gint64 duration = 0;
  gst_element_query_duration(demuxer, GST_FORMAT_TIME, &duration);
  return {branches.video.buffers, branches.audio.buffers, static_cast<GstClockTime>(duration)};
}

}  // namespace call
