// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_room.h"

#include <algorithm>

#include "common/hex.h"
#include "livekit/ice.h"
#include "livekit_subscription.h"
#include "offer.h"

namespace recorder {

namespace wire = livekit::wire;
using std::chrono::milliseconds;

namespace {

// Signalling may say a moment later whose a track is.
constexpr milliseconds kUnknownFor{5000};
constexpr milliseconds kOfferWaits{1000};
// A server can name any number of tracks that are not there.
constexpr std::size_t kMostTold = 1000;

// e2eedecrypt takes no shorter one: frames of senders would end in it by chance.
constexpr std::size_t kShortestTrailer = 7;

std::string trailer_of(const wire::Join &join) {
  const std::string &bytes = join.sif_trailer();
  return bytes.size() < kShortestTrailer ? "" : examples::hex_of(bytes.data(), bytes.size());
}

// What goes on meanwhile makes nobody wait longer.
void wait(examples::Timer &limit, milliseconds time, std::function<void()> over) {
  if (!limit.is_running())
    limit.start(time, std::move(over));
}

}  // namespace

LiveKitRoom::LiveKitRoom(Settings settings, Events events)
    : settings_(std::move(settings)),
      events_(std::move(events)),
      tracks_(settings_.receive.scheme, settings_.allow_unencrypted, events_) {
  room_ = std::make_unique<livekit::Room>(
      livekit::Room::Settings{.access = settings_.access,
                              .auto_subscribe = true,
                              .can_resume = {},  // LiveKit restarts ICE then, and webrtcbin cannot
                              .backoff = settings_.backoff},
      livekit::Room::Events{
          .joined = [this](const wire::Join &join, milliseconds gap) { on_joined(join, gap); },
          .resumed = {},
          .message = [this](const wire::Response &response) { on_message(response); },
          .lost =
              [this](const std::string &why, milliseconds again_in) {
                if (events_.lost)
                  events_.lost(why, again_in);
              },
          .refused = events_.refused,
          .ended =
              [this](wire::Reason reason, const std::string &why) {
                events_.ended(
                    why, reason == wire::PARTICIPANT_REMOVED || reason == wire::DUPLICATE_IDENTITY);
              }});
}

LiveKitRoom::~LiveKitRoom() = default;

std::unique_ptr<Subscription> LiveKitRoom::subscribe(const Feed &feed, const ReceiveSettings &,
                                                     Subscription::Events events) {
  auto subscription = std::make_unique<LiveKitSubscription>(*this, feed, std::move(events));
  subscriptions_[feed.id] = subscription.get();
  living_.insert(subscription.get());
  return subscription;
}

void LiveKitRoom::forget(LiveKitSubscription *subscription) {
  living_.erase(subscription);
  const auto found = subscriptions_.find(subscription->feed().id);
  if (found != subscriptions_.end() && found->second == subscription)
    subscriptions_.erase(found);
}

void LiveKitRoom::close(std::function<void()> closed) {
  for (examples::Timer *timer : {&connect_limit_, &unknown_limit_, &offer_limit_})
    timer->stop();
  room_->close(std::move(closed));
}

void LiveKitRoom::note(const std::string &event, const JsonFields &fields, const std::string &text,
                       bool serious) {
  events_.note(event, fields, text, serious);
}

void LiveKitRoom::tell_once(const std::string &what) {
  if (told_.size() < kMostTold && told_.insert(what).second)
    events_.trouble(what);
}

// ---- Signalling

void LiveKitRoom::on_joined(const wire::Join &join, milliseconds gap) {
  own_sid_ = join.participant().sid();
  server_trailer_ = trailer_of(join);
  retire();
  connect(join);
  events_.joined(gap);
  take_all(join);
}

void LiveKitRoom::on_message(const wire::Response &response) {
  switch (response.message_case()) {
    case wire::Response::kOffer:
      offer_ = response.offer().sdp();
      take_offer(true);
      break;
    case wire::Response::kTrickle:
      on_trickle(response.trickle());
      break;
    case wire::Response::kUpdate:
      for (const wire::Participant &participant : response.update().participants())
        take(participant);
      take_offer(true);
      break;
    case wire::Response::kStreamStateUpdate:
      tracks_.take(response.stream_state_update());
      break;
    case wire::Response::kSubscriptionResponse:
      if (const Feed *owner = owner_of(response.subscription_response().track_sid()))
        note("track-not-received",
             {{"participant", owner->identity},
              {"track", response.subscription_response().track_sid()}},
             owner->identity + ": the server does not give one of the tracks", true);
      break;
    default:
      break;
  }
}

// Which codec a track has is in signalling, a moment later perhaps.
void LiveKitRoom::take_offer(bool may_wait) {
  if (!receiver_ || !offer_)
    return;
  const std::vector<Section> sections = sections_of(*offer_);
  for (unsigned i = 0; i < sections.size(); ++i) {
    const std::string &track = sections[i].track;
    if (track.empty() || codecs_[i].track == track)  // also of somebody who has just left
      continue;
    const std::string codec = codec_of(track);
    if (!codec.empty())
      codecs_[i] = {.track = track, .codec = codec};
    else if (may_wait && !tracks_.is_refused(track))
      return wait(offer_limit_, kOfferWaits, [this] { take_offer(false); });
  }
  offer_limit_.stop();
  taken_offer_ = *std::exchange(offer_, std::nullopt);
  receiver_->take_offer(
      keep_codecs(taken_offer_, [this](unsigned section) { return codecs_[section].codec; }));
}

void LiveKitRoom::on_trickle(const wire::Trickle &trickle) {
  if (!receiver_ || trickle.target() != wire::SUBSCRIBER)
    return;
  if (const auto candidate = livekit::candidate_of(trickle))
    receiver_->add_candidate(candidate->mline, candidate->text);
}

void LiveKitRoom::send_answer(const std::string &sdp) {
  wire::Request request;
  request.mutable_answer()->set_type("answer");
  request.mutable_answer()->set_sdp(accept_codecs(sdp, taken_offer_));
  room_->send(request);
}

void LiveKitRoom::send_candidate(unsigned mline, const std::string &candidate) {
  room_->send(livekit::trickle_of(wire::SUBSCRIBER, {mline, candidate}));
}

void LiveKitRoom::want_highest_layer(const Feed &feed) {
  wire::Request request;
  for (const Feed::Stream &stream : feed.streams)
    if (stream.type == "video")
      request.mutable_track_setting()->add_track_sids(stream.id);
  if (!request.has_track_setting())
    return;
  request.mutable_track_setting()->set_quality(wire::HIGH);
  room_->send(request);
}

// ---- Participants

// Of a new session: who is not there any more left while the room was lost.
void LiveKitRoom::take_all(const wire::Join &join) {
  std::set<std::string> present;
  for (const wire::Participant &participant : join.other_participants())
    present.insert(participant.sid());
  std::vector<std::string> gone;
  for (const auto &[sid, feed] : feeds_)
    if (!present.contains(sid))
      gone.push_back(sid);
  for (const std::string &sid : gone)
    remove(sid, "left");
  for (const auto &[sid, feed] : feeds_)
    want_highest_layer(feed);
  for (const wire::Participant &participant : join.other_participants())
    take(participant);
}

void LiveKitRoom::take(const wire::Participant &participant) {
  if (participant.sid() == own_sid_ || !is_livekit_name(participant.sid()))
    return;
  if (participant.state() == wire::Participant::DISCONNECTED)
    return remove(participant.sid(), "left");
  if (!is_livekit_name(participant.identity()))
    return tell_once("a participant without a name, or with one that is too long, is not recorded");
  const auto known = feeds_.find(participant.sid());
  if (known == feeds_.end() && !LiveKitTracks::publishes(participant))
    return;  // only listens
  if (known == feeds_.end() && feeds_.size() >= kMostLiveKitPublishers)
    return tell_once("the room has more than " + std::to_string(kMostLiveKitPublishers) +
                     " publishers: the others are not recorded");
  const Feed feed = tracks_.take(participant);
  const bool is_new = known == feeds_.end();
  if (!is_new && known->second == feed)
    return;
  feeds_[feed.id] = feed;
  if (const auto subscription = subscriptions_.find(feed.id); subscription != subscriptions_.end())
    subscription->second->update(feed);
  want_highest_layer(feed);
  (is_new ? events_.publisher_joined : events_.publisher_changed)(feed);
  if (receiver_)
    receiver_->route_again();
}

void LiveKitRoom::remove(const std::string &sid, const char *why) {
  const auto node = feeds_.extract(sid);
  if (node.empty())
    return;
  tracks_.forget(sid);
  events_.publisher_left(node.mapped(), why);
}

std::string LiveKitRoom::codec_of(const std::string &track) const {
  for (const auto &[sid, feed] : feeds_)
    for (const Feed::Stream &stream : feed.streams)
      if (stream.id == track)
        return stream.codec;
  return "";
}

const Feed *LiveKitRoom::owner_of(const std::string &track) const {
  for (const auto &[sid, feed] : feeds_)
    for (const Feed::Stream &stream : feed.streams)
      if (stream.id == track)
        return &feed;
  return nullptr;
}

// ---- Media

ReceiveSettings LiveKitRoom::receive_settings(const wire::Join &join) const {
  ReceiveSettings receive = settings_.receive;
  if (receive.server_trailer.empty())
    receive.server_trailer = server_trailer_;
  examples::PeerSettings ice{.loopback_only = receive.loopback_only,
                             .stun_server = receive.stun_server,
                             .turn_servers = receive.turn_servers};
  livekit::add_ice_servers(join, ice);
  receive.stun_server = ice.stun_server;
  receive.turn_servers = ice.turn_servers;
  return receive;
}

void LiveKitRoom::connect(const wire::Join &join) {
  offer_.reset();
  codecs_.clear();
  offer_limit_.stop();
  unknown_limit_.stop();
  try {
    receiver_ = std::make_unique<Receiver>(
        receive_settings(join),
        Receiver::Events{
            .answer = [this](const std::string &sdp) { send_answer(sdp); },
            .candidate = [this](unsigned mline,
                                const std::string &text) { send_candidate(mline, text); },
            .gathered = {},
            .connected =
                [this] {
                  connect_limit_.stop();
                  room_->set_media_connected();
                },
            .failed = [this](const std::string &why) { room_->join_anew(why); },
            .trouble = [this](const std::string &why) { tell_once(why); },
            .route = [this](const StreamStart &start) { return route(start); },
            .data = [this](const std::string &, const std::string &message) { on_data(message); },
        });
  } catch (const examples::Failure &failure) {
    return room_->join_anew(failure.what());
  }
  connect_limit_.start(settings_.patience,
                       [this] { room_->join_anew("no connection for media came about"); });
}

// What came is still delivered, while the next session begins.
void LiveKitRoom::retire() {
  if (!receiver_)
    return;
  Receiver *receiver = receiver_.get();
  retired_.push_back(std::move(receiver_));
  receiver->drain([this, receiver] {
    for (LiveKitSubscription *subscription : living_)
      subscription->on_retired(receiver->stats(subscription->feed().id));
    std::erase_if(retired_, [receiver](const auto &other) { return other.get() == receiver; });
  });
}

// Keys go by the identity that signalling gives the track's sender.
Route LiveKitRoom::route(const StreamStart &start) {
  if (start.track.empty())  // a packet that came long behind the end of its track
    return {.what = Route::What::kLeaveOut};
  for (const auto &[sid, subscription] : subscriptions_)
    if (subscription->has(start.track))
      return route(start, *subscription);
  if (tracks_.is_refused(start.track) || owner_of(start.track))
    return {.what = Route::What::kLeaveOut};
  if (gives_up_unknown_) {
    tell_once("the server sends the track " + start.track +
              " of nobody in the room: it is not recorded");
    return {.what = Route::What::kLeaveOut};
  }
  wait(unknown_limit_, kUnknownFor, [this] {
    gives_up_unknown_ = true;
    if (receiver_)
      receiver_->route_again();
    gives_up_unknown_ = false;
  });
  return {.what = Route::What::kWait};
}

Route LiveKitRoom::route(const StreamStart &start, LiveKitSubscription &subscription) {
  const Feed &owner = subscription.feed();
  if (const std::string named = start.stream.substr(0, start.stream.find('|')); named != owner.id)
    tell_once("the server's offer names another sender for a track of " + owner.identity +
              ": keys and file are those of " + owner.identity);
  return subscription.route(start, ++streams_);
}

void LiveKitRoom::on_data(const std::string &message) {
  wire::DataPacket packet;
  if (!packet.ParseFromString(message) || !packet.has_encrypted_packet() ||
      !is_livekit_name(packet.participant_identity()))
    return;
  for (const auto &[sid, feed] : feeds_)
    if (feed.identity == packet.participant_identity())
      return events_.data(feed, message);
  // Who only writes publishes nothing.
  events_.data({.id = {}, .display = {}, .identity = packet.participant_identity(), .streams = {}},
               message);
}

}  // namespace recorder
