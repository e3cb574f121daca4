// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/backoff.h"
#include "common/timer.h"
#include "janus.h"

namespace recorder {

using namespace examples;

// What a participant publishes.
struct Feed {
  struct Stream {
    std::string mid;
    std::string type;   // audio, video, data
    std::string codec;  // vp8, vp9, h264, h265, opus ...
    bool disabled = false;
    bool operator==(const Stream &) const = default;
  };
  JanusId id;
  std::string display;
  std::string identity;  // of its keys
  std::vector<Stream> streams;
  bool operator==(const Feed &) const = default;
};

// A Janus videoroom and who publishes there. Stays until it is closed: joins again, with a
// back-off, when the SFU or the room is gone. Everything happens on the main context.
class Room {
 public:
  enum class Identity { kDisplay, kId };
  struct Settings {
    JanusSession::Settings janus;
    JanusId room;
    std::string pin;   // empty: none
    std::string name;  // under which the others see the recorder
    // The id where the display name is empty, too long, or no text.
    Identity identity = Identity::kDisplay;
    Backoff backoff;
  };
  struct Events {
    std::function<void()> joined;
    std::function<void(const Feed &)> publisher_joined, publisher_changed;
    // Why: "left", or "sfu-lost" when they may still be there.
    std::function<void(const Feed &, const std::string &why)> publisher_left;
    // Every publisher has left before; `again_in` is the time until the next attempt.
    std::function<void(const std::string &why, std::chrono::milliseconds again_in)> lost;
    // The first join failed for a reason that time does not heal, as a wrong PIN or API secret;
    // nothing follows.
    std::function<void(const std::string &why)> refused;
    // What is announced and not followed. Once for each reason.
    std::function<void(const std::string &what)> trouble;
  };

  // Throws Failure when the URL is none.
  Room(Settings settings, Events events);
  ~Room();
  Room(const Room &) = delete;
  Room &operator=(const Room &) = delete;

  const Settings &settings() const { return settings_; }

  // For a subscription. Null while the SFU is away.
  std::unique_ptr<JanusHandle> attach();
  // What a subscription's handle joins with, apart from its streams.
  JsonObjectPtr subscriber_join() const;

  // Leaves. `closed` comes soon, also when the SFU is silent.
  void close(std::function<void()> closed);

 private:
  void connect();
  void join();
  JsonObjectPtr join_as(const char *type) const;
  void on_join(const JanusReply &reply);
  void on_event(const JanusEvent &event);
  void take_publishers(JsonObject *data);
  void take_publisher(JsonObject *entry);
  void remove(const JanusId &id, const char *why);
  void tell_once(const std::string &what);
  void lose(const std::string &why);
  void refuse(const std::string &why);

  Settings settings_;
  const Events events_;
  Backoff backoff_;
  bool was_joined_ = false;
  bool session_is_up_ = false;          // what was never there is not lost
  std::optional<std::string> refusal_;  // of the other kind of id, while this one is tried
  std::set<std::string> told_;
  std::map<JanusId, Feed> feeds_;
  JanusId own_id_;
  std::int64_t private_id_ = 0;  // proves to a room that asks for it who subscribes; 0: none
  Timer again_;
  std::shared_ptr<bool> alive_;  // whether a callback has destroyed this
  std::unique_ptr<JanusSession> session_;
  std::unique_ptr<JanusHandle> handle_;
};

}  // namespace recorder
