// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "access.h"
#include "common/backoff.h"
#include "signalling.h"

namespace livekit {

// Between attempts to join: short, since a meeting goes on meanwhile.
inline examples::Backoff usual_backoff() {
  return examples::Backoff(std::chrono::seconds(1), std::chrono::seconds(10));
}

// Our place in a LiveKit room. Stays until it is closed: joins again, with a back-off, when the
// server is gone. Everything happens on the main context.
class Room {
 public:
  using Milliseconds = std::chrono::milliseconds;
  struct Settings {
    Access access;
    bool auto_subscribe = true;
    // Whether media connections can go on without ICE being restarted, so that a lost WebSocket
    // alone needs no new session. Asked when one is lost; null: never.
    std::function<bool()> can_resume;
    examples::Backoff backoff = usual_backoff();
  };
  struct Events {
    // A session begins: nothing of an earlier one is left. `gap`: since one was lost that had
    // media; 0: the first.
    std::function<void(const wire::Join &, Milliseconds gap)> joined;
    // Signalling is back and the media connections go on.
    std::function<void(Milliseconds gap)> resumed;
    // All else that the server says.
    std::function<void(const wire::Response &)> message;
    std::function<void(const std::string &why, Milliseconds again_in)> lost;
    // The first join failed for a reason that time does not heal, as a wrong token; nothing
    // follows.
    std::function<void(const std::string &why)> refused;
    // The server ends it for good; nothing follows.
    std::function<void(wire::Reason, const std::string &why)> ended;
  };

  Room(Settings settings, Events events);
  ~Room();
  Room(const Room &) = delete;
  Room &operator=(const Room &) = delete;

  void send(const wire::Request &request);

  // Media of this session flow: when it is lost, a gap begins.
  void set_media_connected() { has_media_ = true; }

  // Begins a new session, as when media connections failed.
  void join_anew(const std::string &why);

  // In `lost`: whether the session goes on without signalling for now.
  bool is_resuming() const { return !sid_.empty(); }

  // Leaves. `closed` comes soon, also when the server is silent.
  void close(std::function<void()> closed);

 private:
  enum class Next { kJoin, kResume };
  void connect(Next next);
  void on_message(const wire::Response &response);
  void on_ended(const Signalling::Ended &ended);
  void on_leave(const wire::Leave &leave);
  void lose(const std::string &why, Next next);
  Milliseconds gap() const;

  Settings settings_;
  Events events_;
  examples::Backoff backoff_;
  std::string sid_;  // of the session; empty: none
  bool was_joined_ = false;
  bool resuming_ = false;
  bool has_media_ = false;  // in this session
  bool is_over_ = false;    // it was closed, or the server has ended it
  std::chrono::steady_clock::time_point up_since_, lost_since_;
  examples::Timer again_;
  std::unique_ptr<Signalling> signalling_;
};

// In words, for people.
std::string reason_text(wire::Reason reason);

}  // namespace livekit
