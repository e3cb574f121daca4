// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encoder.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <algorithm>
#include <utility>

#include "common/callback.h"
#include "common/program.h"

namespace camera {
namespace {

using examples::add_element;
using examples::Error;
using examples::Failure;
using examples::Media;
using examples::Refused;

constexpr GstClockTime kKeyFrameInterval = GST_SECOND;

// Parameter sets are in each key frame: SFrame over RTP has no other place for them.
std::string video_line(const Options &options) {
  const std::string codec = options.codec == Codec::kH265 ? "h265" : "h264";
  // A source that has encoded its pictures is not for videoconvert.
  const std::string convert = options.encoder == "identity" ? "" : "videoconvert ! ";
  return options.video + " ! " + convert + options.encoder + " ! " + codec +
         "parse config-interval=-1 ! capsfilter caps=video/x-" + codec +
         ",stream-format=byte-stream,alignment=au";
}

std::string audio_line(const Options &options) {
  return options.audio + " ! audioconvert ! audioresample ! opusenc";
}

}  // namespace

Encoder::Encoder(const Options &options, std::function<void(const std::string &)> failed)
    : has_audio_(!options.audio.empty()),
      failed_(std::move(failed)),
      pipeline_(examples::make_pipeline("encoder")) {
  add_branch(Media::kVideo, video_line(options));
  if (has_audio_)
    add_branch(Media::kAudio, audio_line(options));
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    throw Failure("the source or the encoder does not start");
  const examples::ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  watch_ = gst_bus_add_watch(
      bus.get(),
      [](GstBus *, GstMessage *message, gpointer self) -> gboolean {
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
          Error error;
          gst_message_parse_error(message, error.out(), nullptr);
          examples::call(static_cast<Encoder *>(self)->failed_, error.message());
        } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
          examples::call(static_cast<Encoder *>(self)->failed_,
                         std::string("the source has ended"));
        }
        return TRUE;
      },
      this);
}

Encoder::~Encoder() {
  g_source_remove(watch_);
}

void Encoder::add_branch(Media media, const std::string &line) {
  Error error;
  GstElement *bin = gst_parse_bin_from_description(line.c_str(), TRUE, error.out());
  error.check<Refused>(std::string("the line of the ") + examples::media_name(media));
  gst_bin_add(GST_BIN(pipeline_.get()), bin);
  GstElement *sink = add_element(pipeline_.get(), "appsink");
  g_object_set(sink, "sync", FALSE, "max-buffers", 0U, nullptr);
  examples::link_chain({bin, sink});
  if (media == Media::kVideo)
    video_sink_ = sink;
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink *appsink, gpointer self) {
    auto *encoder = static_cast<Encoder *>(self);
    GstElement *element = GST_ELEMENT(appsink);
    return encoder->take(element, element == encoder->video_sink_ ? Media::kVideo : Media::kAudio);
  };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);
}

GstFlowReturn Encoder::take(GstElement *appsink, Media media) {
  const examples::SamplePtr sample(gst_app_sink_pull_sample(GST_APP_SINK(appsink)));
  if (!sample)
    return GST_FLOW_EOS;
  if (media == Media::kVideo)
    ++frames_;
  std::vector<Output> outputs;
  {
    const std::lock_guard lock(mutex_);
    outputs = outputs_;
  }
  for (const Output &output : outputs)
    if (output.media == media)
      output.feed->push(sample.get());
  return GST_FLOW_OK;
}

void Encoder::share_clock(GstElement *pipeline) const {
  const examples::ObjectPtr<GstClock> clock(gst_pipeline_get_clock(GST_PIPELINE(pipeline_.get())));
  gst_pipeline_use_clock(GST_PIPELINE(pipeline), clock.get());
  gst_element_set_base_time(pipeline, gst_element_get_base_time(pipeline_.get()));
  gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
}

void Encoder::add(Media media, std::shared_ptr<Feed> feed) {
  const std::lock_guard lock(mutex_);
  outputs_.push_back({media, std::move(feed)});
}

void Encoder::remove(const std::shared_ptr<Feed> &feed) {
  const std::lock_guard lock(mutex_);
  std::erase_if(outputs_, [&feed](const Output &output) { return output.feed == feed; });
}

void Encoder::request_key_frame() {
  GstClockTime at = gst_element_get_current_running_time(pipeline_.get());
  if (!GST_CLOCK_TIME_IS_VALID(at))
    return;  // it begins with one
  {
    const std::lock_guard lock(mutex_);
    if (GST_CLOCK_TIME_IS_VALID(key_frame_at_)) {
      if (key_frame_at_ > at)
        return;  // one will come that serves this, too
      at = std::max(at, key_frame_at_ + kKeyFrameInterval);
    }
    key_frame_at_ = at;
  }
  gst_pad_push_event(examples::static_pad(video_sink_, "sink").get(),
                     gst_video_event_new_upstream_force_key_unit(at, TRUE, 0));
}

}  // namespace camera
