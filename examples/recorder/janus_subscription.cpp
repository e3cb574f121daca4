// SPDX-License-Identifier: LGPL-2.1-or-later
#include "janus_subscription.h"

#include <algorithm>
#include <utility>

namespace recorder {
namespace {

// A connection that breaks sooner, as one whose media nobody can take, is no success.
constexpr std::chrono::seconds kSettled{5};
constexpr unsigned kMostOfAFeed = 8;

bool is_media(const Feed::Stream &stream) {
  return stream.type == "audio" || stream.type == "video";
}

JsonObjectPtr stream_of(const JanusRoom &room, const Feed &feed, const std::string &mid) {
  JsonObjectPtr entry(json_object_new());
  room.id_of(feed).add_to(entry.get(), "feed");
  json_object_set_string_member(entry.get(), "mid", mid.c_str());
  return entry;
}

}  // namespace

JanusSubscription::JanusSubscription(JanusRoom &room, const Feed &feed,
                                     const ReceiveSettings &settings, Events events)
    : room_(room), feed_(feed), settings_(settings), events_(std::move(events)) {
  start();
}

JanusSubscription::~JanusSubscription() = default;

// ---- Signalling

void JanusSubscription::start() {
  subscribed_.clear();
  JsonObjectPtr body = room_.subscriber_join();
  json_object_set_array_member(body.get(), "streams", json_array_new());
  JsonArray *streams = json_object_get_array_member(body.get(), "streams");
  for (const Feed::Stream &stream : feed_.streams) {
    if (!is_media(stream) || stream.disabled)
      continue;
    json_array_add_object_element(streams, stream_of(room_, feed_, stream.id).release());
    subscribed_.insert(stream.id);
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
Route JanusSubscription::route(const StreamStart &stream, unsigned connection) {
  if (stream.nth >= kMostOfAFeed) {
    if (events_.trouble)
      events_.trouble("no more than " + std::to_string(kMostOfAFeed) +
                      " videos and as many sounds of one participant are recorded");
    return {.what = Route::What::kLeaveOut};
  }
  return {.participant = feed_.identity,
          .frame =
              [this, connection, nth = stream.nth](Media media, GstSample *frame) {
                if (succession_.takes(connection, media, nth, frame))
                  events_.frame(media, nth, false, frame);
              },
          .state = events_.state,
          .owner = {}};
}

void JanusSubscription::on_joined(const JanusReply &reply) {
  if (!reply.error.empty())
    retry("the SFU refuses the subscription: " + reply.error);
  else if (reply.jsep)
    take_offer(*reply.jsep);
}

void JanusSubscription::take_offer(const Jsep &offer) {
  if (offer.type != "offer" || !receiver_)
    return;
  e2ee_ = offer.e2ee;
  receiver_->take_offer(offer.sdp);
}

void JanusSubscription::send_answer(const std::string &sdp) {
  if (!handle_)
    return;
  JsonObjectPtr body(json_object_new());
  json_object_set_string_member(body.get(), "request", "start");
  handle_->request(std::move(body), Jsep{"answer", sdp, e2ee_}, [this](const JanusReply &reply) {
    if (!reply.error.empty())
      retry("the SFU refuses the answer: " + reply.error);
  });
}

void JanusSubscription::on_event(const JanusEvent &event) {
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
void JanusSubscription::settle() {
  settled_.start(kSettled, [this] {
    const auto tracks = receiver_ ? receiver_->stats().tracks : std::vector<TrackStats>{};
    if (std::ranges::any_of(tracks, [](const TrackStats &track) { return track.frames_arrived; }))
      backoff_.reset();
    else
      settle();
  });
}

void JanusSubscription::update(const Feed &feed) {
  const Feed before = std::exchange(feed_, feed);
  if (drained_)
    return;
  // What was taken away the SFU takes out by an offer of its own; it may come back.
  std::erase_if(subscribed_, [&feed](const std::string &mid) {
    return std::ranges::none_of(feed.streams, [&mid](const Feed::Stream &stream) {
      return stream.id == mid && !stream.disabled;
    });
  });
  std::vector<Feed::Stream> added;
  bool changed = false;
  for (const Feed::Stream &stream : feed.streams) {
    if (!is_media(stream) || stream.disabled)
      continue;
    const auto old = std::find_if(before.streams.begin(), before.streams.end(),
                                  [&](const Feed::Stream &other) { return other.id == stream.id; });
    if (!subscribed_.contains(stream.id))
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

void JanusSubscription::subscribe_to(const std::vector<Feed::Stream> &streams) {
  JsonObjectPtr body(json_object_new());
  json_object_set_string_member(body.get(), "request", "subscribe");
  JsonArray *array = json_array_new();
  for (const Feed::Stream &stream : streams) {
    json_array_add_object_element(array, stream_of(room_, feed_, stream.id).release());
    subscribed_.insert(stream.id);
  }
  json_object_set_array_member(body.get(), "streams", array);
  handle_->request(std::move(body), std::nullopt,
                   [this](const JanusReply &reply) { on_joined(reply); });
}

// ---- The end of a connection, and of all

void JanusSubscription::retry(const std::string &why) {
  retire();
  if (drained_)
    return;
  again_.start(backoff_.next(), [this] { start(); });
  if (const auto trouble = events_.trouble)
    trouble(why);
}

// Detaches, and has the receiver deliver what it holds.
void JanusSubscription::retire() {
  handle_.reset();
  again_.stop();
  settled_.stop();
  if (!receiver_)
    return;
  Receiver *receiver = receiver_.get();
  retired_.push_back(std::move(receiver_));
  receiver->drain([this, receiver] { on_retired(receiver); });
}

void JanusSubscription::on_retired(Receiver *receiver) {
  past_ += receiver->stats();
  std::erase_if(retired_, [receiver](const auto &other) { return other.get() == receiver; });
  if (retired_.empty() && drained_)
    again_.start(std::chrono::milliseconds(0), drained_);
}

void JanusSubscription::drain(std::function<void()> drained) {
  drained_ = std::move(drained);
  retire();
  if (retired_.empty())
    again_.start(std::chrono::milliseconds(0), drained_);
}

void JanusSubscription::request_key_frame() {
  if (receiver_)
    receiver_->request_key_frame();
}

ReceiveStats JanusSubscription::stats() const {
  ReceiveStats stats = past_;
  for (const auto &receiver : retired_)
    stats += receiver->stats();
  if (receiver_)
    stats += receiver_->stats();
  stats.frames_left_out += succession_.left_out();
  return stats;
}

}  // namespace recorder
