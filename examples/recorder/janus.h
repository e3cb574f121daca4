// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <compare>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/json.h"

namespace recorder {

using namespace examples;

// A session description on its way to or from Janus.
struct Jsep {
  std::string type, sdp;
  bool e2ee = false;  // the media is encrypted end to end: Janus must not look into it
};

struct JanusReply {
  int code = 0;                // Janus' or its plugin's number for the error
  std::string error;           // in words; empty: it worked
  JsonObject *data = nullptr;  // what the plugin says; until the callback returns
  std::optional<Jsep> jsep;
};

struct JanusEvent {
  std::string kind;            // event, webrtcup, hangup, media, slowlink, detached
  std::string reason;          // of hangup and detached, if there is one
  bool refused = false;        // detached: the token does not allow this plugin
  JsonObject *data = nullptr;  // of "event", what the plugin says; until the callback returns
  std::optional<Jsep> jsep;
};

// Of rooms and feeds: numbers, or text where the server is set up so ("string_ids").
struct JanusId {
  std::string text;
  bool is_number = true;
  auto operator<=>(const JanusId &) const = default;

  static JanusId of(const std::string &text);  // digits are a number
  void add_to(JsonObject *object, const char *name) const;
};
std::optional<JanusId> member_id(JsonObject *object, const char *name);

namespace janus {
class Session;
struct Handle;
}  // namespace janus

// One WebRTC connection of a session, or a conversation with a plugin. When it is gone Janus is
// told so and nobody is called back. Requests may be made at once: they wait until Janus has
// attached it. What is sent on one handle arrives in order.
class JanusHandle {
 public:
  using Answered = std::function<void(const JanusReply &)>;

  explicit JanusHandle(std::shared_ptr<janus::Handle> handle);
  ~JanusHandle();
  JanusHandle(const JanusHandle &) = delete;
  JanusHandle &operator=(const JanusHandle &) = delete;

  // Events that answer no request.
  void on_event(std::function<void(const JanusEvent &)> callback);

  // `answered` comes once, with an error when nobody answers in time.
  void request(JsonObjectPtr body, std::optional<Jsep> jsep, Answered answered);
  void trickle(unsigned mline, const std::string &candidate);
  void trickle_completed();

 private:
  std::shared_ptr<janus::Handle> handle_;
};

// A session with Janus over its HTTP transport. Everything happens on the main context.
class JanusSession {
 public:
  struct Settings {
    std::string url;         // as in http://127.0.0.1:8088/janus
    std::string api_secret;  // empty: none, like the token
    std::string token;
    std::shared_ptr<GTlsDatabase> trusted;  // for https; null: whom the system trusts
    std::chrono::milliseconds answer_within{10000};
    // Janus answers a long poll after 30 seconds when nothing happens.
    std::chrono::milliseconds poll_within{45000};
    std::chrono::milliseconds keepalive_every{25000};  // it drops a session after a minute
    // Media goes on when a connection of the signalling breaks: the session is given up only when
    // Janus could not be reached for this long.
    std::chrono::milliseconds unreachable_for{5000};
  };
  struct Events {
    std::function<void()> up;
    // Once, and then nothing more: neither replies nor events.
    std::function<void(const std::string &why)> lost;
    // Instead of `lost`, where it is set: Janus does not accept API secret or token, or speaks no
    // TLS at an address with https.
    std::function<void(const std::string &why)> refused;
  };

  // Throws Failure when the URL is none.
  JanusSession(Settings settings, Events events);
  ~JanusSession();  // without close() Janus finds out by itself, within a minute
  JanusSession(const JanusSession &) = delete;
  JanusSession &operator=(const JanusSession &) = delete;

  std::unique_ptr<JanusHandle> attach(const std::string &plugin);

  // Ends the session; no events any more. `closed` comes when Janus has confirmed it, or after two
  // seconds.
  void close(std::function<void()> closed);

 private:
  std::shared_ptr<janus::Session> session_;
};

}  // namespace recorder
