// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind the classes of janus.h.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "common/timer.h"
#include "http.h"
#include "janus.h"

namespace recorder::janus {

using std::chrono::milliseconds;

struct Handle {
  std::weak_ptr<Session> session;
  std::string plugin;
  std::int64_t id = 0;  // 0: not attached yet
  std::function<void(const JanusEvent &)> on_event;
  std::deque<JsonObjectPtr> outgoing;  // not posted yet
  bool posting = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(JanusSession::Settings settings, JanusSession::Events events);

  void create();
  std::shared_ptr<Handle> attach(const std::string &plugin);
  void request(const std::shared_ptr<Handle> &handle, JsonObjectPtr body,
               const std::optional<Jsep> &jsep, JanusHandle::Answered answered);
  void trickle(const std::shared_ptr<Handle> &handle, JsonObjectPtr candidate);
  void detach(const Handle &handle);
  void close(std::function<void()> closed);
  void abandon() { over_ = true; }

 private:
  struct Pending {
    std::weak_ptr<Handle> handle;
    JanusHandle::Answered answered;
    Timer timeout;
  };

  JsonObjectPtr message(const char *kind);
  void post(const std::string &where, const JsonObjectPtr &message, milliseconds within,
            JsonHttp::Done done);
  void on_created(const JsonHttp::Answer &answer);
  void post_attach(const std::shared_ptr<Handle> &handle);
  void on_attached(const std::weak_ptr<Handle> &handle, const JsonHttp::Answer &answer);
  void post_next(const std::shared_ptr<Handle> &handle);
  void on_posted(const std::weak_ptr<Handle> &handle, const std::string &transaction,
                 const JsonHttp::Answer &answer);
  void poll();
  void on_poll(const JsonHttp::Answer &answer);
  void keep_alive();
  bool reachable(const JsonHttp::Answer &answer);
  void take(JsonObject *message);
  void answer(const std::string &transaction, const JanusReply &reply);
  void lose(const std::string &why) { end(why, events_.lost); }
  void end(const std::string &why, const std::function<void(const std::string &)> &tell);

  const JanusSession::Settings settings_;
  const JanusSession::Events events_;
  std::string url_;
  std::string host_;         // with the port, where one is given
  std::string credentials_;  // of requests that have no body
  bool up_ = false;
  bool over_ = false;
  unsigned transactions_ = 0;
  gint64 unreachable_since_ = 0;                // 0: it is not
  std::vector<std::weak_ptr<Handle>> waiting_;  // for the session
  std::map<std::int64_t, std::weak_ptr<Handle>> handles_;
  std::map<std::string, Pending> pending_;
  std::function<void()> closed_;
  Timer keepalive_, poll_again_, closing_;
  JsonHttp http_;  // calls into the members above
};

// An error of Janus, or of the plugin, or neither.
JanusReply reply_of(JsonObject *message);
// Null when it is none.
JsonObject *object_of(const JsonNodePtr &node);
inline void set(JsonObject *object, const char *name, const std::string &value) {
  json_object_set_string_member(object, name, value.c_str());
}

}  // namespace recorder::janus
