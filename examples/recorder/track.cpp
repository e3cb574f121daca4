// SPDX-License-Identifier: LGPL-2.1-or-later
#include "track.h"

#include <gst/video/video.h>

#include <algorithm>
#include <string_view>

#include "common/webrtc.h"

namespace recorder {

using examples::add_caps_filter;
using examples::add_element;
using examples::CapsPtr;
using examples::Failure;
using examples::link_chain;
using examples::ObjectPtr;
using examples::static_pad;
using examples::StructurePtr;

namespace {

// Null where there are none.
CapsPtr caps_of(GstPad *pad) {
  CapsPtr caps(gst_pad_get_current_caps(pad));
  if (!caps)
    caps.reset(gst_pad_query_caps(pad, nullptr));
  return caps && gst_caps_get_size(caps.get()) > 0 ? std::move(caps) : nullptr;
}

const Codec &codec_at(GstPad *pad) {
  const CapsPtr caps = caps_of(pad);
  const GstStructure *rtp = caps ? gst_caps_get_structure(caps.get(), 0) : nullptr;
  const char *encoding = rtp ? gst_structure_get_string(rtp, "encoding-name") : nullptr;
  if (const Codec *codec = codec_of_rtp(encoding))
    return *codec;
  throw Failure(std::string("the codec ") + (encoding ? encoding : "(unknown)") +
                " cannot be recorded: the sender has to use " + titles_of_codecs());
}

}  // namespace

std::vector<std::string> elements_of_tracks(bool opened) {
  std::vector<std::string> names = {"appsink"};
  if (opened)
    names.push_back("e2eedecrypt");
  for (const Codec &codec : codecs()) {
    names.push_back(codec.depayloader);
    for (const char *name : {codec.merger, codec.parser}) {
      if (opened && name)
        names.push_back(name);
    }
  }
  return names;
}

unsigned mline_of(GstPad *pad) {
  guint mline = 0;
  g_object_get(examples::transceiver_of(pad).get(), "mlineindex", &mline, nullptr);
  return mline;
}

guint ssrc_of(GstPad *pad) {
  const CapsPtr caps = caps_of(pad);
  guint ssrc = 0;
  if (caps)
    gst_structure_get_uint(gst_caps_get_structure(caps.get(), 0), "ssrc", &ssrc);
  return ssrc;
}

Media Track::media_of(GstPad *pad) {
  return codec_at(pad).media;
}

Track::Track(GstElement *pipeline, GstPad *pad, const ReceiveSettings &settings,
             const CarriedCodecs &carried, Route route, Ended ended)
    : codec_(&codec_at(pad)),
      route_(std::move(route)),
      ssrc_(ssrc_of(pad)),
      on_ended_(std::move(ended)),
      pipeline_(pipeline) {
  // e2eedecrypt would refuse it too, but by an error that ends the other streams with it.
  if (settings.provider && !route_.in_the_clear)
    carried.check(*codec_);
  try {
    add_chain(settings);
    link_to(pad);
  } catch (...) {
    drop_chain();
    throw;
  }
}

Track::~Track() {
  drop_chain();
}

void Track::drop_chain() {
  for (GstElement *element : elements_) {
    gst_element_set_state(element, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_), element);
  }
  elements_.clear();
}

bool Track::has(GstObject *source) const {
  return std::ranges::any_of(elements_, [source](GstElement *element) {
    return gst_object_has_as_ancestor(source, GST_OBJECT(element));
  });
}

void Track::link_to(GstPad *pad) {
  for (size_t i = 1; i < elements_.size(); ++i)
    link_chain({elements_[i - 1], elements_[i]});
  for (auto element = elements_.rbegin(); element != elements_.rend(); ++element)
    examples::join_running({*element});
  if (gst_pad_link(pad, static_pad(elements_.front(), "sink").get()) != GST_PAD_LINK_OK)
    throw Failure(std::string(GST_OBJECT_NAME(elements_.front())) + " does not take the stream");
}

void Track::add_chain(const ReceiveSettings &settings) {
  GstElement *depayloader = add_element(pipeline_, codec_->depayloader);
  elements_.push_back(depayloader);
  if (codec_->media == Media::kVideo)
    g_object_set(depayloader, "request-keyframe", TRUE, nullptr);
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(depayloader), "clear-header"))
    gst_util_set_object_arg(G_OBJECT(depayloader), "clear-header", settings.clear_header.c_str());
  gst_pad_add_probe(
      static_pad(depayloader, "src").get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        return static_cast<Track *>(self)->arrive(GST_PAD_PROBE_INFO_BUFFER(info));
      },
      this, nullptr);
  if (codec_->frames)
    elements_.push_back(add_caps_filter(pipeline_, codec_->frames));
  if (settings.provider && !route_.in_the_clear)
    add_decryptor(settings);
  if (settings.provider || route_.in_the_clear) {
    if (codec_->merger)
      elements_.push_back(add_element(pipeline_, codec_->merger));
    if (codec_->parser) {
      elements_.push_back(add_element(pipeline_, codec_->parser));
      elements_.push_back(add_caps_filter(pipeline_, codec_->written));
    }
  }
  add_sink();
}

void Track::add_decryptor(const ReceiveSettings &settings) {
  decryptor_ = add_element(pipeline_, "e2eedecrypt");
  elements_.push_back(decryptor_);
  const auto set = [this](const char *name, const std::string &value) {
    gst_util_set_object_arg(G_OBJECT(decryptor_), name, value.c_str());
  };
  set("scheme", settings.scheme);
  set("sframe-kid-map", settings.sframe_kid_map);
  set("clear-header", settings.clear_header);
  set("server-frames", settings.server_frames);
  g_object_set(decryptor_, "key-provider", settings.provider, "participant",
               route_.participant.c_str(), "sframe-suite", settings.sframe_suite, "replay-window",
               settings.replay_window, "key-wait", settings.key_wait, "key-wait-bytes",
               settings.key_wait_bytes, nullptr);
  if (!settings.server_trailer.empty())
    set("server-trailer", settings.server_trailer);
}

void Track::add_sink() {
  GstElement *sink = add_element(pipeline_, "appsink");
  elements_.push_back(sink);
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", 0u, "enable-last-sample", FALSE,
               nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink *appsink, gpointer self) {
    if (GstSample *sample = gst_app_sink_pull_sample(appsink))
      static_cast<Track *>(self)->take(sample);
    return GST_FLOW_OK;
  };
  callbacks.eos = [](GstAppSink *, gpointer self) {
    auto *track = static_cast<Track *>(self);
    track->ended_ = true;
    track->on_ended_();
  };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);
}

// A server may send pictures that nobody can decode before the key frame that it asks for;
// rtph264depay lets them through.
GstPadProbeReturn Track::arrive(GstBuffer *frame) {
  if (!begun_ && codec_->media == Media::kVideo &&
      GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT))
    return GST_PAD_PROBE_DROP;
  begun_ = true;
  ++arrived_;
  return GST_PAD_PROBE_OK;
}

// Takes the sample over.
void Track::take(GstSample *sample) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  const GstSegment *segment = gst_sample_get_segment(sample);
  const GstClockTime running =
      gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (running != GST_BUFFER_PTS(buffer)) {
    sample = gst_sample_make_writable(sample);
    GstBuffer *copy = gst_buffer_copy(gst_sample_get_buffer(sample));
    GST_BUFFER_PTS(copy) = running;
    gst_sample_set_buffer(sample, copy);
    gst_buffer_unref(copy);
  }
  route_.frame(codec_->media, sample);
  gst_sample_unref(sample);
}

void Track::request_key_frame() {
  if (codec_->media == Media::kVideo)
    gst_pad_push_event(static_pad(elements_.back(), "sink").get(),
                       gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 0));
}

TrackStats Track::stats() const {
  TrackStats stats{.media = codec_->media, .codec = codec_->name, .frames_arrived = arrived_};
  if (!decryptor_)
    return stats;
  GstStructure *raw = nullptr;
  g_object_get(decryptor_, "stats", &raw, nullptr);
  const StructurePtr counters(raw);
  const auto counter = [raw](const char *name) {
    guint64 value = 0;
    gst_structure_get_uint64(raw, name, &value);
    return value;
  };
  for (int i = 0; i < gst_structure_n_fields(raw); ++i) {
    const char *name = gst_structure_nth_field_name(raw, static_cast<guint>(i));
    if (std::string_view(name).starts_with("dropped-"))
      stats.frames_dropped += counter(name);
  }
  // Nothing else passes in the clear here: enabled and allow-plaintext stay as they are.
  const guint64 of_server = counter("server-frames") - counter("passed-plaintext");
  stats.frames_dropped -= std::min(of_server, stats.frames_dropped);
  stats.frames_arrived -= std::min(of_server, stats.frames_arrived);
  stats.frames_held = counter("held");
  return stats;
}

}  // namespace recorder
