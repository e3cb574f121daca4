// SPDX-License-Identifier: LGPL-2.1-or-later
#include "streams.h"

#include <algorithm>
#include <utility>

#include "feedback.h"
#include "receive_stats.h"
#include "source.h"

namespace recorder {

using examples::Failure;
using examples::ObjectPtr;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// Packets that the SFU has sent before it stopped.
constexpr milliseconds kOnTheWay{100};
// Longer than packets come behind the end of a stream.
constexpr milliseconds kForgetAfter{10000};
// A jitter buffer gives at its end what it holds.
constexpr milliseconds kBornWithin{1000};

// A copy is called: the callback may destroy what it is a member of.
template <typename Callback, typename... Arguments>
void call(Callback callback, Arguments &&...arguments) {
  if (callback)
    callback(arguments...);
}

}  // namespace

Streams::Streams(GstElement *pipeline, GstElement *webrtcbin, const ReceiveSettings &settings,
                 Events events)
    : pipeline_(pipeline),
      webrtcbin_(webrtcbin),
      settings_(settings),
      events_(std::move(events)),
      context_(g_main_context_get_thread_default()) {}

void Streams::watch() {
  g_signal_connect(webrtcbin_, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                     if (GST_PAD_DIRECTION(pad) == GST_PAD_SRC)
                       static_cast<Streams *>(self)->on_pad(pad);
                   }),
                   this);
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
    stream.ending = unborn_.erase(stream.ssrc) > 0;  // the end is on its way already
    route(stream);
  } catch (const Failure &failure) {
    leave_out(stream, failure.what());
  }
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
  stream.track =
      std::make_unique<Track>(pipeline_, stream.pad.get(), settings_, std::move(route),
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

// ---- Streams that end

bool Streams::must_wait(const std::string &sdp) {
  std::vector<Section> sections = sections_of(sdp);
  if (end_replaced(sections))
    return true;
  // One that is used again may come with the source it had.
  forget_ssrcs([&sections](const PastSsrc &past) {
    return past.mline < sections.size() && sections[past.mline].sends;
  });
  learn(sections);
  sections_ = std::move(sections);
  return false;
}

// Ends what is not sent any more. Whether a section is to be used again in which something still
// ends.
bool Streams::end_replaced(const std::vector<Section> &sections) {
  bool wait = false;
  const auto goes_on = [&](unsigned mline, const std::string &track) {
    const Section now = mline < sections.size() ? sections[mline] : Section{};
    const bool same = now.sends && now.track == track;
    return std::pair(same, now.sends);
  };
  for (Stream &stream : streams_) {
    const auto [same, used] = goes_on(stream.start.mline, stream.start.track);
    if (!stream.pad || same)
      continue;
    end_soon(stream);
    wait |= used;
  }
  for (const auto &[ssrc, origin] : origins_) {
    const auto [same, used] = goes_on(origin.mline, origin.track);
    if (same || !is_unborn(ssrc))
      continue;
    end_unborn(ssrc);
    wait |= used;
  }
  return wait;
}

void Streams::learn(const std::vector<Section> &sections) {
  std::erase_if(origins_, [this](const auto &known) {
    return !is_unborn(known.first) &&
           std::ranges::none_of(
               streams_, [&known](const Stream &stream) { return stream.ssrc == known.first; });
  });
  for (unsigned mline = 0; mline < sections.size(); ++mline)
    for (const unsigned ssrc : sections[mline].ssrcs)
      origins_[ssrc] = {mline, sections[mline].stream, sections[mline].track};
}

// ---- Streams that end before they begin

// Whether its first packets have come, and wait for those before them.
bool Streams::is_unborn(guint ssrc) {
  const bool was_born =
      std::ranges::any_of(streams_, [ssrc](const Stream &stream) { return stream.ssrc == ssrc; }) ||
      std::ranges::any_of(past_ssrcs_, [ssrc](const PastSsrc &past) { return past.ssrc == ssrc; });
  return !was_born && jitterbuffer_of(ssrc);
}

// What came is delivered: a pad comes, and the end behind it.
void Streams::end_unborn(guint ssrc) {
  const auto [timer, is_new] = unborn_.try_emplace(ssrc);
  if (!is_new)
    return;
  timer->second.start(kOnTheWay, [this, ssrc] {
    if (const auto buffer = jitterbuffer_of(ssrc))
      end_source(buffer.get());
    unborn_[ssrc].start(kBornWithin, [this, ssrc] {
      past_ssrcs_.push_back({ssrc, origins_[ssrc].mline, steady_clock::now()});
      unborn_.erase(ssrc);
      sweep();
      call(events_.ended);
      call(events_.section_free);
    });
  });
}

void Streams::end_soon(Stream &stream) {
  if (!std::exchange(stream.ending, true))
    stream.end_soon.start(kOnTheWay, [this, &stream] { end(stream); });
}

void Streams::end(Stream &stream) {
  stream.ending = true;
  stream.end_soon.stop();
  if (!stream.pad)
    return;
  if (stream.block != 0)
    leave_out(stream, "");
  const auto buffer = jitterbuffer_of(stream.ssrc);
  if (!buffer)
    return on_end_passed(stream.pad.get());
  end_source(buffer.get());
  // One that has stopped for an error gives no end; the section must not wait for it for ever.
  stream.end_soon.start(kBornWithin + milliseconds(settings_.latency_ms), [this, &stream] {
    if (stream.pad)
      on_end_passed(stream.pad.get());
  });
}

void Streams::on_end_passed(GstPad *pad) {
  const auto stream =
      std::ranges::find_if(streams_, [pad](const Stream &other) { return other.pad.get() == pad; });
  if (stream == streams_.end())
    return;
  if (const ObjectPtr<GstPad> next{gst_pad_get_peer(pad)})
    gst_pad_unlink(pad, next.get());
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(webrtcbin_, pad);
  past_ssrcs_.push_back({stream->ssrc, stream->start.mline, steady_clock::now()});
  sweep();
  stream->pad.reset();
  forget_ended();
  call(events_.section_free);
}

void Streams::sweep() {
  if (past_ssrcs_.empty() || sweep_.is_running())
    return;
  sweep_.start(kForgetAfter, [this] {
    forget_ssrcs([now = steady_clock::now()](const PastSsrc &past) {
      return now - past.since >= kForgetAfter;
    });
    sweep_.stop();
    sweep();
  });
}

// rtpbin keeps a jitter buffer for each source that it has ever seen. Packets that come behind the
// end, as a server sends them, would begin a stream anew, so it goes later.
void Streams::forget_ssrcs(const std::function<bool(const PastSsrc &)> &which) {
  std::vector<guint> gone;
  std::erase_if(past_ssrcs_, [&](const PastSsrc &past) {
    if (which(past))
      gone.push_back(past.ssrc);
    return which(past);
  });
  for (const guint ssrc : gone) {
    {
      const std::lock_guard lock(mutex_);
      jitterbuffers_.erase(ssrc);
    }
    clear_source(rtpbin().get(), ssrc);
  }
}

void Streams::forget_ended() {
  for (auto stream = streams_.begin(); stream != streams_.end();) {
    const bool over = !stream->pad && (!stream->track || stream->track->has_ended());
    if (over)
      forget_track(*stream);
    stream = over ? streams_.erase(stream) : std::next(stream);
  }
  call(events_.ended);
}

void Streams::forget_track(Stream &stream) {
  if (!stream.track)
    return;
  past_[stream.track->route().owner] += stats_of(stream);
  stream.track.reset();
}

// ---- The end of all, or of one owner's streams

// Of a stream whose first packets still wait in a jitter buffer there is no pad yet.
void Streams::end_all() {
  ending_ = true;
  std::vector<ObjectPtr<GstElement>> buffers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto &[ssrc, buffer] : jitterbuffers_)
      buffers.emplace_back(GST_ELEMENT(g_object_ref(buffer.get())));
  }
  for (const auto &buffer : buffers)
    end_counted(buffer.get());
}

void Streams::end_counted(GstElement *jitterbuffer) {
  const auto source = examples::static_pad(jitterbuffer, "src");
  if (GstEvent *ended = gst_pad_get_sticky_event(source.get(), GST_EVENT_EOS, 0))
    return gst_event_unref(ended);  // before
  ++full_buffers_;
  gst_pad_add_probe(
      source.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS)
          return GST_PAD_PROBE_OK;
        static_cast<Streams *>(self)->post([](Streams &streams) {
          --streams.full_buffers_;
          call(streams.events_.ended);
        });
        return GST_PAD_PROBE_REMOVE;
      },
      this, nullptr);
  end_source(jitterbuffer);
}

void Streams::end_of(const std::string &owner, const std::set<std::string> &tracks) {
  for (Stream &stream : streams_)
    if (stream.is_of(owner))
      end_soon(stream);
  for (const auto &[ssrc, origin] : origins_)
    if (tracks.contains(origin.track) && is_unborn(ssrc))
      end_unborn(ssrc);
}

bool Streams::have_ended() const {
  return full_buffers_ == 0 && std::ranges::all_of(streams_, [](const Stream &stream) {
           return !stream.track || stream.track->has_ended();
         });
}

bool Streams::have_ended(const std::string &owner, const std::set<std::string> &tracks) {
  return std::ranges::none_of(streams_,
                              [&owner](const Stream &stream) { return stream.is_of(owner); }) &&
         std::ranges::none_of(origins_, [&](const auto &known) {
           return tracks.contains(known.second.track) && is_unborn(known.first);
         });
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
