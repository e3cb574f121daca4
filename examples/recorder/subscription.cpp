// SPDX-License-Identifier: LGPL-2.1-or-later
#include "subscription.h"

#include <algorithm>
#include <utility>

#include "codecs.h"

namespace recorder {
namespace {

// A connection that breaks sooner, as one whose media nobody can take, is no success.
constexpr std::chrono::seconds kSettled{5};
constexpr unsigned kMostStreams = 8;

bool is_media(const Feed::Stream &stream) {
  return stream.type == "audio" || stream.type == "video";
}

JsonObjectPtr stream_of(const Feed &feed, const std::string &mid) {
  JsonObjectPtr entry(json_object_new());
  feed.id.add_to(entry.get(), "feed");
  json_object_set_string_member(entry.get(), "mid", mid.c_str());
  return entry;
}

bool same_track(GstCaps *one, GstCaps *other) {
  try {
    return one == other || format_from_caps(one).continues(format_from_caps(other));
  } catch (const examples::Failure &) {
    return false;
  }
}

}  // namespace

bool Succession::takes(unsigned connection, Media media, unsigned nth, GstSample *frame) {
  GstCaps *caps = gst_sample_get_caps(frame);
  const std::lock_guard lock(mutex_);
  Newest &newest = newest_[{media, nth}];
  if (connection < newest.connection) {
    const bool fits = same_track(newest.caps.get(), caps);
    left_out_ += !fits;
    return fits;
  }
  newest.connection = connection;
  if (newest.caps.get() != caps)
    newest.caps.reset(caps ? gst_caps_ref(caps) : nullptr);
  return true;
}

Subscription::Subscription(Room &room, const Feed &feed, const ReceiveSettings &settings,
                           Events events, Backoff backoff)
    : room_(room), feed_(feed), settings_(settings), events_(std::move(events)), backoff_(backoff) {
  start();
}

Subscription::~Subscription() = default;

// ---- Signalling

void Subscription::start() {
  subscribed_.clear();
  JsonObjectPtr body = room_.subscriber_join();
  json_object_set_array_member(body.get(), "streams", json_array_new());
  JsonArray *streams = json_object_get_array_member(body.get(), "streams");
  for (const Feed::Stream &stream : feed_.streams) {
    if (!is_media(stream) || stream.disabled)
      continue;
    json_array_add_object_element(streams, stream_of(feed_, stream.mid).release());
    subscribed_.insert(stream.mid);
  }
  if (subscribed_.empty())
    return;  // until there is something

  handle_ = room_.attach();
  if (!handle_)
    return;  // the SFU is away; the room says so
  handle_->on_event([this](const JanusEvent &event) { on_event(event); });
  try {
    receiver_ = std::make_unique<Receiver>(
        settings_,
        Receiver::Events{
            .answer = [this](const std::string &sdp) { send_answer(sdp); },
            .candidate =
                [this](unsigned mline, const std::string &text) {
                  if (handle_)
                    handle_->trickle(mline, text);
                },
            .gathered =
                [this] {
                  if (handle_)
                    handle_->trickle_completed();
                },
            .connected = {},
            .failed = [this](const std::string &why) { retry(why); },
            .trouble = events_.trouble,
            .route = [this, connection = ++connection_](
                         const StreamStart &stream) { return route(stream, connection); },
            .data = {},
        });
  } catch (const examples::Failure &failure) {
    return retry(failure.what());
  }
  handle_->request(std::move(body), std::nullopt,
                   [this](const JanusReply &reply) { on_joined(reply); });
}

// All that is received here is this participant's.
Route Subscription::route(const StreamStart &stream, unsigned connection) {
  if (stream.nth >= kMostStreams) {
    if (events_.trouble)
      events_.trouble("no more than " + std::to_string(kMostStreams) +
                      " videos and as many sounds of one participant are recorded");
    return {.what = Route::What::kLeaveOut};
  }
  return {.participant = feed_.identity,
          .frame =
              [this, connection, nth = stream.nth](Media media, GstSample *frame) {
                if (succession_.takes(connection, media, nth, frame))
                  events_.frame(media, nth, frame);
              },
          .state = [this](const std::string &state,
                          std::uint64_t frames) { events_.state(feed_.identity, state, frames); },
          .owner = {}};
}

void Subscription::on_joined(const JanusReply &reply) {
  if (!reply.error.empty())
    retry("the SFU refuses the subscription: " + reply.error);
  else if (reply.jsep)
    take_offer(*reply.jsep);
}

void Subscription::take_offer(const Jsep &offer) {
  if (offer.type != "offer" || !receiver_)
    return;
  e2ee_ = offer.e2ee;
  receiver_->take_offer(offer.sdp);
}

void Subscription::send_answer(const std::string &sdp) {
  if (!handle_)
    return;
  JsonObjectPtr body(json_object_new());
  json_object_set_string_member(body.get(), "request", "start");
  handle_->request(std::move(body), Jsep{"answer", sdp, e2ee_}, [this](const JanusReply &reply) {
    if (!reply.error.empty())
      retry("the SFU refuses the answer: " + reply.error);
  });
}

void Subscription::on_event(const JanusEvent &event) {
  if (event.kind == "webrtcup")
    settle();
  else if (event.kind == "hangup")
    retry("the SFU has closed the connection" +
          (event.reason.empty() ? "" : " (" + event.reason + ")"));
  else if (event.kind == "detached")
    retry("the SFU has ended the subscription");
  else if (event.jsep)
    take_offer(*event.jsep);
}

// Some seconds with media prove that the connection works.
void Subscription::settle() {
  settled_.start(kSettled, [this] {
    const auto tracks = receiver_ ? receiver_->stats().tracks : std::vector<TrackStats>{};
    if (std::ranges::any_of(tracks, [](const TrackStats &track) { return track.frames_arrived; }))
      backoff_.reset();
    else
      settle();
  });
}

void Subscription::update(const Feed &feed) {
  const Feed before = std::exchange(feed_, feed);
  if (drained_)
    return;
  // What was taken away the SFU takes out by an offer of its own; it may come back.
  std::erase_if(subscribed_, [&feed](const std::string &mid) {
    return std::ranges::none_of(feed.streams, [&mid](const Feed::Stream &stream) {
      return stream.mid == mid && !stream.disabled;
    });
  });
  std::vector<Feed::Stream> added;
  bool changed = false;
  for (const Feed::Stream &stream : feed.streams) {
    if (!is_media(stream) || stream.disabled)
      continue;
    const auto old =
        std::find_if(before.streams.begin(), before.streams.end(),
                     [&](const Feed::Stream &other) { return other.mid == stream.mid; });
    if (!subscribed_.contains(stream.mid))
      added.push_back(stream);
    else if (old != before.streams.end())
      changed |= old->codec != stream.codec || old->type != stream.type;
  }
  if (changed || (!receiver_ && !added.empty())) {
    retire();
    start();
  } else if (!added.empty()) {
    subscribe_to(added);
  }
}

void Subscription::subscribe_to(const std::vector<Feed::Stream> &streams) {
  JsonObjectPtr body(json_object_new());
  json_object_set_string_member(body.get(), "request", "subscribe");
  JsonArray *array = json_array_new();
  for (const Feed::Stream &stream : streams) {
    json_array_add_object_element(array, stream_of(feed_, stream.mid).release());
    subscribed_.insert(stream.mid);
  }
  json_object_set_array_member(body.get(), "streams", array);
  handle_->request(std::move(body), std::nullopt,
                   [this](const JanusReply &reply) { on_joined(reply); });
}

// ---- The end of a connection, and of all

void Subscription::retry(const std::string &why) {
  retire();
  if (drained_)
    return;
  again_.start(backoff_.next(), [this] { start(); });
  if (const auto trouble = events_.trouble)
    trouble(why);
}

// Detaches, and has the receiver deliver what it holds.
void Subscription::retire() {
  handle_.reset();
  again_.stop();
  settled_.stop();
  if (!receiver_)
    return;
  Receiver *receiver = receiver_.get();
  retired_.push_back(std::move(receiver_));
  receiver->drain([this, receiver] { on_retired(receiver); });
}

void Subscription::on_retired(Receiver *receiver) {
  past_ += receiver->stats();
  std::erase_if(retired_, [receiver](const auto &other) { return other.get() == receiver; });
  if (retired_.empty() && drained_)
    again_.start(std::chrono::milliseconds(0), drained_);
}

void Subscription::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  retire();
  if (retired_.empty())
    again_.start(std::chrono::milliseconds(0), drained_);
}

void Subscription::request_key_frame() {
  if (receiver_)
    receiver_->request_key_frame();
}

ReceiveStats Subscription::stats() const {
  ReceiveStats stats = past_;
  for (const auto &receiver : retired_)
    stats += receiver->stats();
  if (receiver_)
    stats += receiver_->stats();
  stats.frames_left_out += succession_.left_out();
  return stats;
}

}  // namespace recorder
