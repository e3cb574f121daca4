// SPDX-License-Identifier: LGPL-2.1-or-later
#include "streams.h"

#include <algorithm>
#include <utility>

#include "common/callback.h"
#include "feedback.h"
#include "receive_stats.h"

namespace recorder {

using examples::call;
using examples::Failure;
using examples::ObjectPtr;

namespace {

constexpr guint kMostSources = 4096;
// One that goes on, and others that still give what they hold.
constexpr std::ptrdiff_t kMostOfSection = 16;

}  // namespace

Streams::Streams(GstElement *pipeline, GstElement *webrtcbin, const ReceiveSettings &settings,
                 Events events)
    : pipeline_(pipeline),
      webrtcbin_(webrtcbin),
      settings_(settings),
      carried_(settings, settings.provider),
      events_(std::move(events)),
      context_(g_main_context_get_thread_default()) {}

void Streams::watch() {
  g_signal_connect(webrtcbin_, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                     if (GST_PAD_DIRECTION(pad) == GST_PAD_SRC)
                       static_cast<Streams *>(self)->on_pad(pad);
                   }),
                   this);
  // Each costs a thread and a jitter buffer, and a server could invent any number.
  g_object_set(rtpbin().get(), "max-streams", kMostSources, nullptr);
  g_signal_connect(
      rtpbin().get(), "new-jitterbuffer",
      G_CALLBACK(+[](GstElement *, GstElement *buffer, guint, guint ssrc, gpointer self) {
        auto *streams = static_cast<Streams *>(self);
        const std::lock_guard lock(streams->mutex_);
        streams->jitterbuffers_[ssrc].reset(GST_ELEMENT(g_object_ref(buffer)));
      }),
      this);
}

void Streams::silence() {
  events_ = {.route = events_.route, .trouble = {}, .ended = events_.ended, .section_free = {}};
}

ObjectPtr<GstElement> Streams::rtpbin() const {
  return ObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(webrtcbin_), "rtpbin"));
}

ObjectPtr<GstElement> Streams::jitterbuffer_of(guint ssrc) {
  const std::lock_guard lock(mutex_);
  const auto found = jitterbuffers_.find(ssrc);
  return ObjectPtr<GstElement>(
      found == jitterbuffers_.end() ? nullptr : GST_ELEMENT(g_object_ref(found->second.get())));
}

// ---- Messages

bool Streams::take_message(GstMessage *message) {
  const auto from = std::ranges::find_if(streams_, [message](const Stream &stream) {
    return stream.track && stream.track->has(GST_MESSAGE_SRC(message));
  });
  if (from == streams_.end())
    return false;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const examples::ErrorPtr owned(error);
    leave_out(*from, std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message);
  } else if (gst_message_has_name(message, "GstE2EEState")) {
    const GstStructure *state = gst_message_get_structure(message);
    const char *name = gst_structure_get_string(state, "state");
    guint64 frames = 0;
    gst_structure_get_uint64(state, "count", &frames);
    call(from->track->route().state, name ? name : "", frames);
  }
  return true;
}

// ---- Streams that begin

// On a streaming thread: the stream waits here until the main thread has made its chain.
void Streams::on_pad(GstPad *pad) {
  ask_by_pli(pad);
  const gulong block = gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  const std::shared_ptr<GstPad> held(GST_PAD(gst_object_ref(pad)), &gst_object_unref);
  post([held, block](Streams &streams) { streams.begin(held.get(), block); });
}

void Streams::begin(GstPad *pad, gulong block) {
  Stream &stream = streams_.emplace_back();
  stream.pad.reset(GST_PAD(gst_object_ref(pad)));
  stream.block = block;
  stream.ssrc = ssrc_of(pad);
  try {
    stream.start.mline = mline_of(pad);
    stream.start.media = Track::media_of(pad);
    stream.start.nth = place_of(sections_, stream.start.mline);
    if (const auto origin = origins_.find(stream.ssrc); origin != origins_.end()) {
      stream.start.stream = origin->second.stream;
      stream.start.track = origin->second.track;
    } else if (stream.start.mline < sections_.size()) {
      stream.start.stream = sections_[stream.start.mline].stream;
      stream.start.track = sections_[stream.start.mline].track;
    }
    route(stream);
  } catch (const Failure &failure) {
    leave_out(stream, failure.what());
  }
  if (unborn_.erase(stream.ssrc) > 0)
    end_soon(stream);
  if (ending_)
    end(stream);
}

void Streams::route_again() {
  for (Stream &stream : streams_)
    if (stream.block != 0 && !stream.track)
      route(stream);
}

void Streams::route(Stream &stream) {
  Route route = events_.route(stream.start);
  if (route.what == Route::What::kWait && !stream.ending)
    return;
  if (route.what != Route::What::kTake)
    return leave_out(stream, "");
  try {
    link(stream, std::move(route));
  } catch (const Failure &failure) {
    leave_out(stream, failure.what());
  }
}

// The end of a stream goes on from here to its chain, and the pad of webrtcbin can go: before
// another stream comes by the same media section.
GstPadProbeReturn Streams::on_pad_event(GstPad *pad, GstPadProbeInfo *info, gpointer self) {
  GstEvent *event = gst_pad_probe_info_get_event(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  if (const ObjectPtr<GstPad> next{gst_pad_get_peer(pad)})
    gst_pad_send_event(next.get(), gst_event_ref(event));
  const std::shared_ptr<GstPad> held(GST_PAD(gst_object_ref(pad)), &gst_object_unref);
  static_cast<Streams *>(self)->post(
      [held](Streams &streams) { streams.on_end_passed(held.get()); });
  return GST_PAD_PROBE_DROP;
}

void Streams::link(Stream &stream, Route route) {
  const auto of_section = std::ranges::count_if(streams_, [&stream](const Stream &other) {
    return other.track && other.start.mline == stream.start.mline;
  });
  if (of_section >= kMostOfSection)
    throw Failure("the server sends more than " + std::to_string(kMostOfSection) +
                  " streams as one: this one is left out");
  stream.track =
      std::make_unique<Track>(pipeline_, stream.pad.get(), settings_, carried_, std::move(route),
                              [this] { post([](Streams &streams) { streams.forget_ended(); }); });
  gst_pad_add_probe(stream.pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, &on_pad_event, this,
                    nullptr);
  gst_pad_remove_probe(stream.pad.get(), std::exchange(stream.block, 0));
}

// What comes is dropped: unlinked, the pad would end its thread.
void Streams::leave_out(Stream &stream, const std::string &why) {
  if (stream.pad) {
    gst_pad_add_probe(
        stream.pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_DROP; }, nullptr, nullptr);
    if (!stream.track)
      gst_pad_add_probe(stream.pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, &on_pad_event, this,
                        nullptr);
    if (stream.block != 0)
      gst_pad_remove_probe(stream.pad.get(), std::exchange(stream.block, 0));
  }
  forget_track(stream);
  if (!why.empty())
    call(events_.trouble, why);
}

// ---- What others ask

void Streams::request_key_frame(const std::string &owner) {
  for (const Stream &stream : streams_)
    if (stream.is_of(owner))
      stream.track->request_key_frame();
}

ReceiveStats Streams::stats_of(const Stream &stream) {
  ReceiveStats stats;
  stats.tracks.push_back(stream.track->stats());
  if (const auto buffer = jitterbuffer_of(stream.ssrc))
    add_packets(stats, buffer.get());
  return stats;
}

ReceiveStats Streams::stats(const std::string &owner) {
  ReceiveStats stats;
  for (const auto &[who, past] : past_)
    if (owner.empty() || who == owner)
      stats += past;
  for (const Stream &stream : streams_)
    if (stream.is_of(owner))
      stats += stats_of(stream);
  return stats;
}

}  // namespace recorder
