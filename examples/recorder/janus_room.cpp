// SPDX-License-Identifier: LGPL-2.1-or-later
#include "janus_room.h"

#include <utility>

#include "janus_subscription.h"

namespace recorder {
namespace {

constexpr const char *kPlugin = "janus.plugin.videoroom";

// No room is as large, nor a name as long, so it is the SFU that went wrong.
constexpr std::size_t kMostPublishers = 200;
constexpr std::size_t kMostStreams = 16;
constexpr std::size_t kLongestText = 512;

// Error numbers of the videoroom.
constexpr int kNoSuchRoom = 426;
constexpr int kMissingElement = 429;
constexpr int kInvalidElement = 430;
constexpr int kUnauthorized = 433;

// A room is not made or a PIN corrected by waiting, unless it has worked before.
bool is_final(int code) {
  return code == kMissingElement || code == kInvalidElement || code == kUnauthorized;
}

std::string describe(const JanusReply &reply, const JanusId &room) {
  switch (reply.code) {
    case kNoSuchRoom:
      return "the room " + room.text + " does not exist";
    case kUnauthorized:
      return "the room " + room.text + " refuses the PIN (" + reply.error + ")";
    default:
      return "the room " + room.text + " cannot be joined: " + reply.error;
  }
}

// Whether it does for names in logs and of keys.
bool is_name(const std::string &text) {
  return !text.empty() && text.size() <= kLongestText &&
         g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr);
}

std::vector<Feed::Stream> streams_of(JsonObject *publisher) {
  std::vector<Feed::Stream> streams;
  for (JsonObject *stream : member_objects(publisher, "streams")) {
    if (streams.size() == kMostStreams)
      break;
    streams.push_back({.id = member_text(stream, "mid").value_or(""),
                       .type = member_text(stream, "type").value_or(""),
                       .codec = member_text(stream, "codec").value_or(""),
                       .disabled = member_flag(stream, "disabled")});
  }
  return streams;
}

}  // namespace

JanusRoom::JanusRoom(Settings settings, Events events)
    : settings_(std::move(settings)),
      events_(std::move(events)),
      backoff_(settings_.backoff),
      alive_(std::make_shared<bool>(true)) {
  connect();
}

JanusRoom::~JanusRoom() {
  *alive_ = false;
}

void JanusRoom::connect() {
  handle_.reset();
  refusal_.reset();
  session_is_up_ = false;
  session_ = std::make_unique<JanusSession>(
      settings_.janus,
      JanusSession::Events{.up =
                               [this] {
                                 session_is_up_ = true;
                                 join();
                               },
                           .lost =
                               [this](const std::string &why) {
                                 lose((session_is_up_ ? "the SFU is lost: " : "") + why);
                               },
                           .refused = [this](const std::string &why) { refuse(why); }});
}

JsonObjectPtr JanusRoom::join_as(const char *type) const {
  JsonObjectPtr body(json_object_new());
  json_object_set_string_member(body.get(), "request", "join");
  json_object_set_string_member(body.get(), "ptype", type);
  settings_.room.add_to(body.get(), "room");
  if (!settings_.pin.empty())
    json_object_set_string_member(body.get(), "pin", settings_.pin.c_str());
  return body;
}

JsonObjectPtr JanusRoom::subscriber_join() const {
  JsonObjectPtr body = join_as("subscriber");
  if (private_id_ != 0)
    json_object_set_int_member(body.get(), "private_id", private_id_);
  return body;
}

void JanusRoom::join() {
  handle_ = session_->attach(kPlugin);
  handle_->on_event([this](const JanusEvent &event) { on_event(event); });
  // Only publishers show up among the participants, so the recorder joins as one that never
  // publishes anything: nobody is recorded without seeing it.
  JsonObjectPtr body = join_as("publisher");
  json_object_set_string_member(body.get(), "display", settings_.name.c_str());
  handle_->request(std::move(body), std::nullopt,
                   [this](const JanusReply &reply) { on_join(reply); });
}

void JanusRoom::on_join(const JanusReply &reply) {
  if (!reply.error.empty()) {
    std::string why = describe(reply, settings_.room);
    // Where rooms have names, 1234 is one.
    if (reply.code == kInvalidElement && JanusId::of(settings_.room.text).is_number) {
      settings_.room.is_number = !settings_.room.is_number;
      if (!refusal_) {
        refusal_ = why;
        return join();
      }
      why = *refusal_;
    }
    refusal_.reset();
    return is_final(reply.code) ? refuse(why) : lose(why);
  }
  refusal_.reset();
  was_joined_ = true;
  backoff_.reset();
  own_id_ = member_id(reply.data, "id").value_or(JanusId{});
  private_id_ = member_number(reply.data, "private_id").value_or(0);
  const auto alive = alive_;
  if (const auto joined = events_.joined)
    joined(std::chrono::milliseconds(0));
  if (*alive)
    take_publishers(reply.data);
}

void JanusRoom::on_event(const JanusEvent &event) {
  if (event.kind == "detached" && event.refused)
    return refuse("the token does not allow videorooms: " + event.reason);
  if (event.kind == "detached")
    return lose(event.reason.empty() ? "the SFU has put the recorder out" : event.reason);
  if (event.kind != "event" || !event.data)
    return;
  if (member_text(event.data, "videoroom") == "destroyed")
    return lose("the room " + settings_.room.text + " was closed");
  const auto alive = alive_;
  take_publishers(event.data);
  for (const char *kind : {"unpublished", "leaving"}) {
    if (!*alive)
      return;
    const auto id = member_id(event.data, kind);
    if (!id)
      continue;
    // "ok" instead of an id: it is the recorder itself.
    if (*id == own_id_ || id->text == "ok") {
      if (std::string(kind) == "leaving")
        return lose("the recorder was put out of the room " + settings_.room.text);
      continue;
    }
    remove(*id, "left");
  }
}

void JanusRoom::take_publishers(JsonObject *data) {
  const auto alive = alive_;
  for (JsonObject *entry : member_objects(data, "publishers")) {
    take_publisher(entry);
    if (!*alive)
      return;
  }
}

// New, or changed: Janus announces all streams of a publisher again when one comes or goes.
void JanusRoom::take_publisher(JsonObject *entry) {
  const auto id = member_id(entry, "id");
  if (!id || *id == own_id_ || !is_name(id->text))
    return;
  if (!feeds_.contains(*id) && feeds_.size() >= kMostPublishers)
    return tell_once("the room has more than " + std::to_string(kMostPublishers) +
                     " publishers: the others are not recorded");
  Feed feed{.id = id->text,
            .display = member_text(entry, "display").value_or(""),
            .identity = {},
            .streams = streams_of(entry)};
  const bool by_display = settings_.identity == Identity::kDisplay && is_name(feed.display);
  feed.identity = by_display ? feed.display : feed.id;
  const auto [position, is_new] = feeds_.try_emplace(*id, feed);
  if (!is_new && position->second == feed)
    return;
  position->second = feed;
  ids_[feed.id] = *id;
  if (const auto tell = is_new ? events_.publisher_joined : events_.publisher_changed)
    tell(feed);
}

void JanusRoom::remove(const JanusId &id, const char *why) {
  const auto node = feeds_.extract(id);
  if (const auto left = events_.publisher_left; left && !node.empty())
    left(node.mapped(), why);
}

void JanusRoom::tell_once(const std::string &what) {
  const auto trouble = events_.trouble;
  if (told_.insert(what).second && trouble)
    trouble(what);
}

void JanusRoom::lose(const std::string &why) {
  const auto alive = alive_;
  handle_.reset();
  session_.reset();
  while (!feeds_.empty()) {
    remove(JanusId(feeds_.begin()->first), "sfu-lost");
    if (!*alive)
      return;
  }
  const auto wait = backoff_.next();
  again_.start(wait, [this] { connect(); });
  if (const auto lost = events_.lost)
    lost(why, wait);
}

// It is only lost where it has worked before.
void JanusRoom::refuse(const std::string &why) {
  if (was_joined_)
    return lose(why);
  handle_.reset();
  session_.reset();
  if (const auto refused = events_.refused)
    refused(why);
}

std::unique_ptr<Subscription> JanusRoom::subscribe(const Feed &feed,
                                                   const ReceiveSettings &settings,
                                                   Subscription::Events events) {
  return std::make_unique<JanusSubscription>(*this, feed, settings, std::move(events));
}

JanusId JanusRoom::id_of(const Feed &feed) const {
  return ids_.at(feed.id);
}

std::unique_ptr<JanusHandle> JanusRoom::attach() {
  return session_ ? session_->attach(kPlugin) : nullptr;
}

void JanusRoom::close(std::function<void()> closed) {
  again_.stop();
  handle_.reset();
  if (session_)
    return session_->close(std::move(closed));
  again_.start(std::chrono::milliseconds(0), std::move(closed));
}

}  // namespace recorder
