// SPDX-License-Identifier: LGPL-2.1-or-later
#include "livekit_room.h"

#include <algorithm>

#include "livekit_subscription.h"
#include "offer.h"

namespace recorder {

namespace wire = livekit::wire;
using std::chrono::milliseconds;

namespace {

// No room is as large, nor a name as long, so it is the server that went wrong.
constexpr std::size_t kMostPublishers = 1000;
constexpr std::size_t kMostStreams = 16;
constexpr std::size_t kLongestText = 512;
// The media of a session comes within this time, or a new one is tried.
constexpr milliseconds kConnectWithin{20000};
// Signalling may say a moment later whose a track is.
constexpr milliseconds kUnknownFor{5000};
constexpr milliseconds kOfferWaits{1000};

bool is_name(const std::string &text) {
  return !text.empty() && text.size() <= kLongestText &&
         g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr);
}

// "video/VP8" is vp8.
std::string codec_of(const std::string &mime) {
  const examples::CharPtr codec(g_ascii_strdown(mime.substr(mime.find('/') + 1).c_str(), -1));
  return codec.get();
}

Feed feed_of(const wire::Participant &participant) {
  Feed feed{.id = participant.sid(),
            .display = participant.name(),
            .identity = participant.identity(),
            .streams = {}};
  for (const wire::Track &track : participant.tracks()) {
    if (feed.streams.size() == kMostStreams || track.type() == wire::DATA)
      continue;
    feed.streams.push_back({.id = track.sid(),
                            .type = track.type() == wire::AUDIO ? "audio" : "video",
                            .codec = codec_of(track.mime_type()),
                            .disabled = false,
                            .is_screen = track.source() == wire::SCREEN_SHARE ||
                                         track.source() == wire::SCREEN_SHARE_AUDIO,
                            .in_the_clear = track.encryption() == wire::NONE});
  }
  return feed;
}

std::string hex_of(const std::string &bytes) {
  std::string hex;
  for (const char byte : bytes) {
    constexpr const char *kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return hex;
}

// turn:host:port?transport=udp, with what belongs into the address of webrtcbin.
std::string turn_address(const std::string &url, const wire::IceServer &server) {
  const std::size_t colon = url.find(':');
  const examples::CharPtr user(g_uri_escape_string(server.username().c_str(), nullptr, FALSE));
  const examples::CharPtr secret(g_uri_escape_string(server.credential().c_str(), nullptr, FALSE));
  return url.substr(0, colon) + "://" + user.get() + ":" + secret.get() + "@" +
         url.substr(colon + 1);
}

}  // namespace

LiveKitRoom::LiveKitRoom(Settings settings, Events events)
    : settings_(std::move(settings)), events_(std::move(events)) {
  room_ = std::make_unique<livekit::Room>(
      livekit::Room::Settings{.access = settings_.access,
                              .auto_subscribe = true,
                              .can_resume = {},  // see join_anew() in connect()
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
  return subscription;
}

void LiveKitRoom::forget(LiveKitSubscription *subscription) {
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
  if (told_.insert(what).second)
    events_.trouble(what);
}

// ---- Signalling

void LiveKitRoom::on_joined(const wire::Join &join, milliseconds gap) {
  own_sid_ = join.participant().sid();
  server_trailer_ = hex_of(join.sif_trailer());
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
      on_stream_states(response.stream_state_update());
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

// What the server holds back for want of bandwidth is missing in the files.
void LiveKitRoom::on_stream_states(const wire::StreamStateUpdate &update) {
  for (const wire::StreamState &stream : update.stream_states()) {
    const Feed *owner = owner_of(stream.track_sid());
    const bool pauses = stream.state() == wire::StreamState::PAUSED;
    const bool is_new =
        pauses ? paused_.insert(stream.track_sid()).second : paused_.erase(stream.track_sid()) > 0;
    if (!owner || !is_new)
      continue;
    note(pauses ? "track-paused" : "track-resumed",
         {{"participant", owner->identity}, {"track", stream.track_sid()}, {"by", "server"}},
         owner->identity + (pauses ? ": the server holds a track back, for want of bandwidth"
                                   : ": the server sends the track again"),
         pauses);
  }
}

// Which codec a track has is in signalling, a moment later perhaps.
void LiveKitRoom::take_offer(bool may_wait) {
  if (!receiver_ || !offer_)
    return;
  const std::vector<Section> sections = sections_of(*offer_);
  for (unsigned i = 0; i < sections.size(); ++i) {
    if (sections[i].track.empty())
      continue;
    const std::string codec = codec_of(sections[i].track);
    if (!codec.empty())
      codecs_[i] = codec;
    else if (may_wait && !refused_.contains(sections[i].track))
      return offer_limit_.start(kOfferWaits, [this] { take_offer(false); });
  }
  offer_limit_.stop();
  const std::string offer = *std::exchange(offer_, std::nullopt);
  receiver_->take_offer(keep_codecs(offer, [this](unsigned section) {
    const auto known = codecs_.find(section);
    return known == codecs_.end() ? std::string() : known->second;
  }));
}

void LiveKitRoom::on_trickle(const wire::Trickle &trickle) {
  if (!receiver_ || trickle.target() != wire::SUBSCRIBER)
    return;
  const JsonNodePtr json = parse_json_object(trickle.candidate_init());
  if (!json)
    return;
  JsonObject *object = json_node_get_object(json.get());
  const std::string candidate = text_or(object, "candidate");
  if (!candidate.empty())
    receiver_->add_candidate(static_cast<unsigned>(number_or(object, "sdpMLineIndex", 0)),
                             candidate);
}

void LiveKitRoom::send_answer(const std::string &sdp) {
  wire::Request request;
  request.mutable_answer()->set_type("answer");
  request.mutable_answer()->set_sdp(sdp);
  room_->send(request);
}

void LiveKitRoom::send_candidate(unsigned mline, const std::string &candidate) {
  JsonObjectPtr init(json_object_new());
  json_object_set_string_member(init.get(), "candidate", candidate.c_str());
  json_object_set_int_member(init.get(), "sdpMLineIndex", mline);
  wire::Request request;
  request.mutable_trickle()->set_candidate_init(json_text(init.get()));
  request.mutable_trickle()->set_target(wire::SUBSCRIBER);
  room_->send(request);
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
  if (participant.sid() == own_sid_ || !is_name(participant.sid()) ||
      !is_name(participant.identity()))
    return;
  if (participant.state() == wire::Participant::DISCONNECTED)
    return remove(participant.sid(), "left");
  Feed feed = feed_of(participant);
  const auto known = feeds_.find(feed.id);
  if (known == feeds_.end() && feed.streams.empty())
    return;  // only listens
  if (known == feeds_.end() && feeds_.size() >= kMostPublishers)
    return tell_once("the room has more than " + std::to_string(kMostPublishers) +
                     " publishers: the others are not recorded");
  refuse_in_the_clear(participant, feed);
  take_mutes(participant, feed);
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

// A track that its sender does not encrypt is readable for the server: that is worth an alarm.
void LiveKitRoom::refuse_in_the_clear(const wire::Participant &participant, Feed &feed) {
  for (const wire::Track &track : participant.tracks()) {
    if (track.type() == wire::DATA || track.encryption() == wire::GCM)
      continue;
    const bool takes = track.encryption() == wire::NONE && settings_.allow_unencrypted;
    if (refused_.insert(track.sid()).second)
      note(takes ? "track-unencrypted" : "track-refused",
           {{"participant", feed.identity},
            {"track", track.sid()},
            {"encryption", track.encryption() == wire::NONE ? "none" : "custom"}},
           feed.identity +
               (takes ? " sends a track that is not encrypted: it is recorded as such"
                : track.encryption() == wire::NONE
                    ? " sends a track that is not encrypted: it is not recorded "
                      "(--allow-unencrypted records it)"
                    : " sends a track with an encryption of its own: it is not recorded"),
           true);
    if (!takes)
      std::erase_if(feed.streams,
                    [&track](const Feed::Stream &stream) { return stream.id == track.sid(); });
  }
}

void LiveKitRoom::take_mutes(const wire::Participant &participant, const Feed &feed) {
  for (const wire::Track &track : participant.tracks()) {
    if (track.type() == wire::DATA)
      continue;
    const auto [known, is_new] = is_muted_.try_emplace(track.sid(), false);
    if (known->second == track.muted())
      continue;
    known->second = track.muted();
    note(track.muted() ? "track-muted" : "track-unmuted",
         {{"participant", feed.identity}, {"track", track.sid()}}, "");
  }
}

void LiveKitRoom::remove(const std::string &sid, const char *why) {
  const auto node = feeds_.extract(sid);
  if (node.empty())
    return;
  for (const Feed::Stream &stream : node.mapped().streams)
    for (auto *known : {&paused_, &refused_})
      known->erase(stream.id);
  for (const Feed::Stream &stream : node.mapped().streams)
    is_muted_.erase(stream.id);
  events_.publisher_left(node.mapped(), why);
}

std::string LiveKitRoom::codec_of(const std::string &track) const {
  for (const auto &[sid, feed] : feeds_)
    for (const Feed::Stream &stream : feed.streams)
      if (stream.id == track)
        return stream.codec == "red" ? "opus" : stream.codec;
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
  const bool has_stun = !receive.stun_server.empty(), has_turn = !receive.turn_servers.empty();
  for (const wire::IceServer &server : join.ice_servers()) {
    for (const std::string &url : server.urls()) {
      if (url.starts_with("stun:") && !has_stun && !receive.loopback_only)
        receive.stun_server = "stun://" + url.substr(5);
      else if (url.starts_with("turn") && !has_turn)
        receive.turn_servers.push_back(turn_address(url, server));
    }
  }
  return receive;
}

void LiveKitRoom::connect(const wire::Join &join) {
  offer_.reset();
  codecs_.clear();
  try {
    receiver_ = std::make_unique<Receiver>(
        receive_settings(join),
        Receiver::Events{
            .answer = [this](const std::string &sdp) { send_answer(sdp); },
            .candidate = [this](unsigned mline,
                                const std::string &text) { send_candidate(mline, text); },
            .gathered = {},
            .connected = [this] { connect_limit_.stop(); },
            .failed = [this](const std::string &why) { room_->join_anew(why); },
            .trouble = [this](const std::string &why) { tell_once(why); },
            .route = [this](const StreamStart &start) { return route(start); },
            .data = [this](const std::string &, const std::string &message) { on_data(message); },
        });
  } catch (const examples::Failure &failure) {
    return room_->join_anew(failure.what());
  }
  connect_limit_.start(kConnectWithin,
                       [this] { room_->join_anew("no connection for media came about"); });
}

// What came is still delivered, while the next session begins.
void LiveKitRoom::retire() {
  if (!receiver_)
    return;
  Receiver *receiver = receiver_.get();
  retired_.push_back(std::move(receiver_));
  receiver->drain([this, receiver] {
    for (const auto &[sid, subscription] : subscriptions_)
      subscription->keep(receiver->stats(sid));
    std::erase_if(retired_, [receiver](const auto &other) { return other.get() == receiver; });
  });
}

// Keys go by the identity that signalling gives the track's sender.
Route LiveKitRoom::route(const StreamStart &start) {
  const Feed *owner = owner_of(start.track);
  if (!owner) {
    if (refused_.contains(start.track))
      return {.what = Route::What::kLeaveOut};
    if (!gives_up_unknown_) {
      unknown_limit_.start(kUnknownFor, [this] {
        gives_up_unknown_ = true;
        if (receiver_)
          receiver_->route_again();
        gives_up_unknown_ = false;
      });
      return {.what = Route::What::kWait};
    }
    tell_once("the server sends the track " + start.track +
              " of nobody in the room: it is not recorded");
    return {.what = Route::What::kLeaveOut};
  }
  if (const std::string named = start.stream.substr(0, start.stream.find('|')); named != owner->id)
    tell_once("the server's offer names another sender for a track of " + owner->identity +
              ": keys and file are those of " + owner->identity);
  const auto subscription = subscriptions_.find(owner->id);
  if (subscription == subscriptions_.end())
    return {.what = Route::What::kLeaveOut};
  return subscription->second->route(start, ++streams_);
}

void LiveKitRoom::on_data(const std::string &message) {
  wire::DataPacket packet;
  if (!packet.ParseFromString(message) || !packet.has_encrypted_packet())
    return;
  for (const auto &[sid, feed] : feeds_)
    if (feed.identity == packet.participant_identity())
      return events_.data(feed, message);
  // Who only writes publishes nothing.
  events_.data({.id = {}, .display = {}, .identity = packet.participant_identity(), .streams = {}},
               message);
}

}  // namespace recorder
