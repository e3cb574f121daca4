// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room.h"

#include <utility>

namespace livekit {

using std::chrono::steady_clock;

namespace {

// A session that lasted so long has worked: the next one may begin at once.
constexpr std::chrono::seconds kSettled{5};

// After these nobody comes back without being asked.
bool is_final(wire::Reason reason) {
  return reason == wire::DUPLICATE_IDENTITY || reason == wire::PARTICIPANT_REMOVED ||
         reason == wire::ROOM_DELETED || reason == wire::ROOM_CLOSED;
}

// After these it is media that are lost, and signalling alone would bring back nothing.
bool is_of_media(wire::Reason reason) {
  return reason == wire::CONNECTION_TIMEOUT || reason == wire::MEDIA_FAILURE;
}

}  // namespace

std::string reason_text(wire::Reason reason) {
  switch (reason) {
    case wire::DUPLICATE_IDENTITY:
      return "another participant joined with the same identity: give each its own";
    case wire::PARTICIPANT_REMOVED:
      return "an administrator has removed this participant from the room";
    case wire::ROOM_DELETED:
      return "the room was deleted";
    case wire::ROOM_CLOSED:
      return "the room was closed";
    case wire::SERVER_SHUTDOWN:
      return "the server shuts down";
    case wire::JOIN_FAILURE:
      return "the server lets nobody in: the room may be full";
    case wire::STATE_MISMATCH:
      return "the server knows nothing of this session any more";
    case wire::CONNECTION_TIMEOUT:
      return "the server has waited in vain for a connection of media";
    case wire::MEDIA_FAILURE:
      return "the server has lost the connection of media";
    case wire::MIGRATION:
      return "the server moves this session";
    default:
      return "the server ends the session (reason " + std::to_string(reason) + ")";
  }
}

Room::Room(Settings settings, Events events)
    : settings_(std::move(settings)), events_(std::move(events)), backoff_(settings_.backoff) {
  connect(Next::kJoin);
}

Room::~Room() = default;

void Room::connect(Next next) {
  resuming_ = next == Next::kResume;
  signalling_ = std::make_unique<Signalling>(
      Signalling::Settings{.url = settings_.access.url,
                           .token = settings_.access.token_now(),
                           .auto_subscribe = settings_.auto_subscribe,
                           .resume = resuming_ ? sid_ : "",
                           .trusted = settings_.access.trusted.get()},
      Signalling::Events{
          .message = [this](const wire::Response &response) { on_message(response); },
          .ended = [this](const Signalling::Ended &ended) { on_ended(ended); }});
}

Room::Milliseconds Room::gap() const {
  return was_joined_ ? std::chrono::ceil<Milliseconds>(steady_clock::now() - lost_since_)
                     : Milliseconds(0);
}

// ---- What the server says

void Room::on_message(const wire::Response &response) {
  if (response.has_join()) {
    if (!response.join().alternative_url().empty())
      return lose("the server wants this participant at " + response.join().alternative_url() +
                      ": use that address",
                  Next::kJoin);
    const Milliseconds since = gap();
    sid_ = response.join().participant().sid();
    up_since_ = steady_clock::now();
    was_joined_ = true;
    resuming_ = false;
    if (const auto joined = events_.joined)
      joined(response.join(), since);
  } else if (response.has_reconnect()) {
    up_since_ = steady_clock::now();
    resuming_ = false;
    if (const auto resumed = events_.resumed)
      resumed(gap());
  } else if (!response.refresh_token().empty()) {
    const std::string &token = response.refresh_token();
    if (!settings_.access.token.empty() && !read_token(token).room.empty())
      settings_.access.token = token;
  } else if (const auto message = events_.message) {
    message(response);
  }
}

void Room::on_ended(const Signalling::Ended &ended) {
  if (ended.how == Signalling::End::kLeave)
    return on_leave(ended.leave);
  const bool is_refusal = ended.how == Signalling::End::kRefused;
  if (is_refusal && !was_joined_) {
    is_over_ = true;
    const auto refused = std::exchange(events_, {}).refused;
    const bool is_about_token = ended.status == SOUP_STATUS_UNAUTHORIZED;
    if (refused)
      refused(ended.why + (is_about_token ? "; " + settings_.access.advice() : ""));
    return;
  }
  // A refused resumption says nothing about a new session.
  const bool can_resume =
      !is_refusal && !sid_.empty() && settings_.can_resume && settings_.can_resume();
  lose(ended.why, can_resume ? Next::kResume : Next::kJoin);
}

void Room::on_leave(const wire::Leave &leave) {
  const std::string why = reason_text(leave.reason());
  const bool is_refusal = leave.reason() == wire::JOIN_FAILURE && !was_joined_;
  if (is_final(leave.reason()) || is_refusal) {
    is_over_ = true;
    const Events events = std::exchange(events_, {});
    if (is_refusal && events.refused)
      events.refused(why);
    else if (events.ended)
      events.ended(leave.reason(), why);
    return;
  }
  const bool can_resume = leave.action() == wire::Leave::RESUME && !is_of_media(leave.reason()) &&
                          !sid_.empty() && settings_.can_resume && settings_.can_resume();
  lose(why, can_resume ? Next::kResume : Next::kJoin);
}

// ---- Again

void Room::lose(const std::string &why, Next next) {
  const auto now = steady_clock::now();
  const bool had_settled = up_since_ != steady_clock::time_point() && now - up_since_ > kSettled;
  if (has_media_ || lost_since_ == steady_clock::time_point())
    lost_since_ = now;
  has_media_ = has_media_ && next == Next::kResume;
  up_since_ = {};
  signalling_.reset();
  if (next == Next::kJoin)
    sid_.clear();
  if (had_settled)
    backoff_.reset();
  // A session that cannot be resumed is no reason to wait with a new one.
  const bool gives_up_resuming = std::exchange(resuming_, false) && next == Next::kJoin;
  const Milliseconds wait = had_settled || gives_up_resuming ? Milliseconds(0) : backoff_.next();
  again_.start(wait, [this, next] { connect(next); });
  if (const auto lost = events_.lost)
    lost(why, wait);
}

void Room::join_anew(const std::string &why) {
  const bool has_session = up_since_ != steady_clock::time_point() || !sid_.empty();
  if (is_over_ || !has_session)
    return;  // it does already, or nothing follows
  lose(why, Next::kJoin);
}

void Room::send(const wire::Request &request) {
  if (signalling_)
    signalling_->send(request);
}

void Room::close(std::function<void()> closed) {
  is_over_ = true;
  again_.stop();
  events_ = {};
  if (signalling_)
    return signalling_->close(std::move(closed));
  again_.start(Milliseconds(0), std::move(closed));
}

}  // namespace livekit
