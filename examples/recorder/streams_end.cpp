// SPDX-License-Identifier: LGPL-2.1-or-later
// How streams end: all that came is delivered first.
#include <algorithm>
#include <utility>

#include "common/callback.h"
#include "source.h"
#include "streams.h"

namespace recorder {

using examples::call;
using examples::ObjectPtr;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// Longer than packets come behind the end of a stream.
constexpr milliseconds kForgetAfter{10000};
// A jitter buffer gives at its end what it holds.
constexpr milliseconds kBornWithin{1000};

}  // namespace

// ---- Of offers

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
  expect_end(stream);
}

// A jitter buffer that has stopped for an error of the chain gives no end: an offer would wait for
// it for ever. One that the disk keeps waiting is waited for.
void Streams::expect_end(Stream &stream) {
  stream.end_soon.start(kBornWithin + milliseconds(settings_.latency_ms), [this, &stream] {
    if (!stream.pad)
      return;
    if (stream.track)
      expect_end(stream);
    else
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

}  // namespace recorder
