// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media.h"

#include <fcntl.h>
#include <gst/app/gstappsink.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace media {

using examples::CapsPtr;
using examples::CharPtr;
using examples::ErrorPtr;
using examples::MessagePtr;
using examples::ObjectPtr;
using examples::PipelinePtr;

namespace {

constexpr GstClockTime kPatience = 20 * GST_SECOND;

PipelinePtr launch(const std::string &description) {
  GError *error = nullptr;
  PipelinePtr pipeline{gst_parse_launch(description.c_str(), &error)};
  if (error) {
    const ErrorPtr owned{error};
    throw std::runtime_error(description + ": " + error->message);
  }
  return pipeline;
}

// Empty when it came to its end.
std::string run(GstElement *pipeline, const std::function<void(GstMessage *)> &on_message = {}) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const ObjectPtr<GstBus> bus{gst_element_get_bus(pipeline)};
  for (;;) {
    const MessagePtr message{gst_bus_timed_pop(bus.get(), kPatience)};
    if (!message)
      return "no end after 20 s";
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS)
      return {};
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
      GError *error = nullptr;
      gchar *debug = nullptr;
      gst_message_parse_error(message.get(), &error, &debug);
      const ErrorPtr owned{error};
      const CharPtr owned_debug{debug};
      return std::string{error->message} + " " + (debug ? debug : "");
    }
    if (on_message)
      on_message(message.get());
  }
}

Frame frame_of_buffer(GstBuffer *buffer) {
  Frame frame;
  frame.bytes.resize(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, frame.bytes.data(), frame.bytes.size());
  frame.pts = GST_BUFFER_PTS(buffer);
  frame.delta = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return frame;
}

struct Reading {
  GstElement *pipeline;
  File *file;
};

void on_handoff(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
  auto *track = static_cast<Track *>(data);
  if (track->caps.empty()) {
    const CapsPtr caps{gst_pad_get_current_caps(pad)};
    track->caps = CharPtr{gst_caps_to_string(caps.get())}.get();
  }
  track->frames.push_back(frame_of_buffer(buffer));
}

void on_pad(GstElement *, GstPad *pad, gpointer data) {
  auto *reading = static_cast<Reading *>(data);
  const CharPtr name{gst_pad_get_name(pad)};
  const bool video = g_str_has_prefix(name.get(), "video");
  GstElement *queue = gst_element_factory_make("queue", nullptr);
  g_object_set(queue, "max-size-buffers", 0, "max-size-bytes", 0, "max-size-time", guint64{0},
               nullptr);
  GstElement *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "signal-handoffs", TRUE, "async", FALSE, "sync", FALSE, nullptr);
  g_signal_connect(sink, "handoff", G_CALLBACK(on_handoff),
                   &reading->file->tracks[static_cast<int>(video ? Media::kVideo : Media::kAudio)]);
  gst_bin_add_many(GST_BIN(reading->pipeline), queue, sink, nullptr);
  gst_element_link(queue, sink);
  gst_element_sync_state_with_parent(sink);
  gst_element_sync_state_with_parent(queue);
  const ObjectPtr<GstPad> queue_pad{gst_element_get_static_pad(queue, "sink")};
  gst_pad_link(pad, queue_pad.get());
}

std::string take_tag(GstMessage *message, const char *tag) {
  GstTagList *tags = nullptr;
  gst_message_parse_tag(message, &tags);
  gchar *text = nullptr;
  gst_tag_list_get_string(tags, tag, &text);
  gst_tag_list_unref(tags);
  const CharPtr owned{text};
  return text ? text : "";
}

// matroskademux calls both kinds Matroska.
std::string doc_type(const std::string &path) {
  std::ifstream file{path, std::ios::binary};
  std::string head(64, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  for (const char *type : {"webm", "matroska"})
    if (head.find(type) != std::string::npos)
      return type;
  return {};
}

}  // namespace

File read_file(const std::string &path) {
  File file;
  file.doc_type = doc_type(path);
  const PipelinePtr pipeline = launch("filesrc location=\"" + path + "\" ! matroskademux name=d");
  const ObjectPtr<GstElement> demuxer{gst_bin_get_by_name(GST_BIN(pipeline.get()), "d")};
  Reading reading{pipeline.get(), &file};
  g_signal_connect(demuxer.get(), "pad-added", G_CALLBACK(on_pad), &reading);
  file.error = run(pipeline.get(), [&file](GstMessage *message) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_TAG)
      return;
    if (const std::string comment = take_tag(message, GST_TAG_COMMENT); !comment.empty())
      file.comment = comment;
  });
  gint64 duration = -1;
  if (gst_element_query_duration(demuxer.get(), GST_FORMAT_TIME, &duration) && duration >= 0)
    file.duration = static_cast<GstClockTime>(duration);
  return file;
}

GstClockTime seek_file(const std::string &path, GstClockTime time) {
  const PipelinePtr pipeline = launch("filesrc location=\"" + path +
                                      "\" ! matroskademux name=d d.video_0 ! appsink name=s "
                                      "sync=false");
  const ObjectPtr<GstElement> sink{gst_bin_get_by_name(GST_BIN(pipeline.get()), "s")};
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  gst_element_get_state(pipeline.get(), nullptr, nullptr, kPatience);
  constexpr auto kFlags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT |
                                                    GST_SEEK_FLAG_SNAP_BEFORE);
  if (!gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME, kFlags, static_cast<gint64>(time)))
    return GST_CLOCK_TIME_NONE;
  gst_element_get_state(pipeline.get(), nullptr, nullptr, kPatience);
  const SamplePtr sample{gst_app_sink_try_pull_preroll(GST_APP_SINK(sink.get()), kPatience)};
  return sample ? GST_BUFFER_PTS(gst_sample_get_buffer(sample.get())) : GST_CLOCK_TIME_NONE;
}

SamplePtr make_sample(const std::string &caps, const Frame &frame) {
  GstBuffer *buffer = gst_buffer_new_memdup(frame.bytes.data(), frame.bytes.size());
  GST_BUFFER_PTS(buffer) = frame.pts;
  if (frame.delta)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  const CapsPtr parsed{gst_caps_from_string(caps.c_str())};
  SamplePtr sample{gst_sample_new(buffer, parsed.get(), nullptr, nullptr)};
  gst_buffer_unref(buffer);
  return sample;
}

std::vector<SamplePtr> encode(const std::string &description) {
  const PipelinePtr pipeline = launch(description + " ! appsink name=s sync=false");
  const ObjectPtr<GstElement> sink{gst_bin_get_by_name(GST_BIN(pipeline.get()), "s")};
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<SamplePtr> samples;
  while (GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink.get()), kPatience))
    samples.emplace_back(sample);
  return samples;
}

Frame frame_of(GstSample *sample) {
  return frame_of_buffer(gst_sample_get_buffer(sample));
}

unsigned decode(const std::string &path, const std::string &decoder) {
  const PipelinePtr pipeline =
      launch("filesrc location=\"" + path + "\" ! matroskademux ! " + decoder +
             " ! fakesink name=s signal-handoffs=true sync=false");
  const ObjectPtr<GstElement> sink{gst_bin_get_by_name(GST_BIN(pipeline.get()), "s")};
  unsigned frames = 0;
  const auto count =
      +[](GstElement *, GstBuffer *, GstPad *, gpointer data) { ++*static_cast<unsigned *>(data); };
  g_signal_connect(sink.get(), "handoff", G_CALLBACK(count), &frames);
  const std::string error = run(pipeline.get());
  if (!error.empty())
    throw std::runtime_error(error);
  return frames;
}

std::string Track::field(const char *name) const {
  const CapsPtr parsed{gst_caps_from_string(caps.c_str())};
  if (!parsed || gst_caps_is_empty(parsed.get()))
    return {};
  const GValue *value = gst_structure_get_value(gst_caps_get_structure(parsed.get(), 0), name);
  if (!value)
    return {};
  return CharPtr{gst_value_serialize(value)}.get();
}

Bytes Track::codec_data() const {
  const CapsPtr parsed{gst_caps_from_string(caps.c_str())};
  const GValue *value =
      gst_structure_get_value(gst_caps_get_structure(parsed.get(), 0), "codec_data");
  return value ? frame_of_buffer(gst_value_get_buffer(value)).bytes : Bytes{};
}

Bytes make_bytes(Media media, std::uint32_t number, std::size_t size) {
  Bytes bytes(size + number % 7);
  std::uint32_t state = number * 2654435761U + (media == Media::kVideo ? 1 : 2);
  for (auto &byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

}  // namespace media
