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
#include "room.h"

namespace recorder {

using namespace examples;

// A videoroom of Janus.
class JanusRoom : public Room {
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
  // Throws Failure when the URL is none.
  JanusRoom(Settings settings, Events events);
  ~JanusRoom() override;
  JanusRoom(const JanusRoom &) = delete;
  JanusRoom &operator=(const JanusRoom &) = delete;

  std::unique_ptr<Subscription> subscribe(const Feed &feed, const ReceiveSettings &settings,
                                          Subscription::Events events) override;

  const Settings &settings() const { return settings_; }

  // For a subscription. Null while the SFU is away.
  std::unique_ptr<JanusHandle> attach();
  JanusId id_of(const Feed &feed) const;
  // What a subscription's handle joins with, apart from its streams.
  JsonObjectPtr subscriber_join() const;

  void close(std::function<void()> closed) override;

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
  std::map<std::string, JanusId> ids_;  // of everyone who ever published, by text
  JanusId own_id_;
  std::int64_t private_id_ = 0;  // proves to a room that asks for it who subscribes; 0: none
  Timer again_;
  std::shared_ptr<bool> alive_;  // whether a callback has destroyed this
  std::unique_ptr<JanusSession> session_;
  std::unique_ptr<JanusHandle> handle_;
};

}  // namespace recorder
