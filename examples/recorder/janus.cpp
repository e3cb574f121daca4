// SPDX-License-Identifier: LGPL-2.1-or-later
#include "janus.h"

#include <deque>
#include <map>
#include <utility>

#include "common/timer.h"
#include "http.h"

namespace recorder {
namespace janus {
namespace {

using examples::Failure;
using std::chrono::milliseconds;

constexpr int kUnauthorized = 403;
constexpr int kUnauthorizedPlugin = 405;
constexpr int kNoSuchSession = 458;
constexpr unsigned kNotFound = 404;  // Janus' other way to say it
constexpr const char *kSessionUnknown = "it does not know the session any more";
constexpr milliseconds kPollAgainAfter{250};
constexpr milliseconds kCloseWithin{2000};

void set(JsonObject *object, const char *name, const std::string &value) {
  json_object_set_string_member(object, name, value.c_str());
}

std::optional<Jsep> jsep_of(JsonObject *message) {
  JsonObject *jsep = member_object(message, "jsep");
  if (!jsep)
    return std::nullopt;
  return Jsep{member_text(jsep, "type").value_or(""), member_text(jsep, "sdp").value_or(""),
              member_flag(jsep, "e2ee")};
}

// An error of Janus, or of the plugin, or neither.
JanusReply reply_of(JsonObject *message) {
  JanusReply reply;
  if (JsonObject *error = member_object(message, "error")) {
    reply.code = static_cast<int>(member_number(error, "code").value_or(0));
    reply.error = member_text(error, "reason").value_or("an error without a reason");
    return reply;
  }
  reply.data = member_object(member_object(message, "plugindata"), "data");
  reply.jsep = jsep_of(message);
  if (auto code = member_number(reply.data, "error_code")) {
    reply.code = static_cast<int>(*code);
    reply.error = member_text(reply.data, "error").value_or("an error without a reason");
  }
  return reply;
}

JsonObject *object_of(const JsonNodePtr &node) {
  return node && JSON_NODE_HOLDS_OBJECT(node.get()) ? json_node_get_object(node.get()) : nullptr;
}

}  // namespace

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

Session::Session(JanusSession::Settings settings, JanusSession::Events events)
    : settings_(std::move(settings)),
      events_(std::move(events)),
      url_(settings_.url),
      http_(settings_.trusted.get()) {
  while (url_.ends_with('/'))
    url_.pop_back();
  GUri *uri = g_uri_parse(url_.c_str(), G_URI_FLAGS_NONE, nullptr);
  const std::string scheme = uri ? g_uri_get_scheme(uri) : "";
  const bool has_host = uri && g_uri_get_host(uri) && *g_uri_get_host(uri);
  if (has_host)
    host_ = g_uri_get_host(uri);
  if (has_host && g_uri_get_port(uri) > 0)
    host_ += ":" + std::to_string(g_uri_get_port(uri));
  g_clear_pointer(&uri, g_uri_unref);
  if ((scheme != "http" && scheme != "https") || !has_host)
    throw Failure("the address of Janus has to look like http://HOST:8088/janus");
  for (const auto &[name, value] :
       {std::pair("apisecret", settings_.api_secret), std::pair("token", settings_.token)}) {
    examples::CharPtr escaped(g_uri_escape_string(value.c_str(), nullptr, FALSE));
    if (!value.empty())
      credentials_ += std::string("&") + name + "=" + escaped.get();
  }
}

JsonObjectPtr Session::message(const char *kind) {
  JsonObjectPtr object(json_object_new());
  set(object.get(), "janus", kind);
  set(object.get(), "transaction", "t" + std::to_string(++transactions_));
  if (!settings_.api_secret.empty())
    set(object.get(), "apisecret", settings_.api_secret);
  if (!settings_.token.empty())
    set(object.get(), "token", settings_.token);
  return object;
}

void Session::post(const std::string &where, const JsonObjectPtr &message, milliseconds within,
                   JsonHttp::Done done) {
  const std::string body = json_text(message.get());
  http_.request(url_ + where, &body, within, std::move(done));
}

void Session::create() {
  post("", message("create"), settings_.answer_within,
       [this](const JsonHttp::Answer &answer) { on_created(answer); });
}

void Session::on_created(const JsonHttp::Answer &answer) {
  const auto self = shared_from_this();
  if (over_)
    return;
  if (!answer.json)
    return end((answer.reached ? "Janus does not answer at " : "cannot reach ") + host_ + ": " +
                   answer.error,
               answer.no_tls && events_.refused ? events_.refused : events_.lost);
  JsonObject *object = object_of(answer.json);
  const JanusReply reply = reply_of(object);
  const bool refused = reply.code == kUnauthorized && events_.refused;
  if (!reply.error.empty())
    return end("Janus refuses a session: " + reply.error, refused ? events_.refused : events_.lost);
  const auto id = member_number(member_object(object, "data"), "id");
  if (!id)
    return lose("what answers at " + host_ + " is not Janus");
  url_ += "/" + std::to_string(*id);
  up_ = true;
  poll();
  keep_alive();
  for (const auto &weak : std::exchange(waiting_, {})) {
    if (const auto handle = weak.lock())
      post_attach(handle);
  }
  if (const auto up = events_.up)
    up();
}

std::shared_ptr<Handle> Session::attach(const std::string &plugin) {
  auto handle = std::make_shared<Handle>();
  handle->session = weak_from_this();
  handle->plugin = plugin;
  if (up_)
    post_attach(handle);
  else
    waiting_.push_back(handle);
  return handle;
}

void Session::post_attach(const std::shared_ptr<Handle> &handle) {
  if (over_)
    return;
  JsonObjectPtr attach = message("attach");
  set(attach.get(), "plugin", handle->plugin);
  post("", attach, settings_.answer_within,
       [this, weak = std::weak_ptr(handle)](const JsonHttp::Answer &answer) {
         on_attached(weak, answer);
       });
}

void Session::on_attached(const std::weak_ptr<Handle> &weak, const JsonHttp::Answer &answer) {
  const auto self = shared_from_this();
  if (over_)
    return;
  JsonObject *object = object_of(answer.json);
  const JanusReply reply = reply_of(object);
  const auto id = member_number(member_object(object, "data"), "id");
  const auto handle = weak.lock();
  if (id) {
    if (!handle)
      return detach({.session = {}, .plugin = {}, .id = *id, .on_event = {}, .outgoing = {}});
    handle->id = *id;
    handles_[*id] = handle;
    return post_next(handle);
  }
  if (!handle)
    return;
  std::string why = answer.error.empty() ? reply.error : answer.error;
  if (why.empty())
    why = "Janus gives no handle";
  const bool refused = reply.code == kUnauthorizedPlugin;
  if (const auto tell = handle->on_event)
    tell({.kind = "detached", .reason = why, .refused = refused, .data = nullptr, .jsep = {}});
}

void Session::request(const std::shared_ptr<Handle> &handle, JsonObjectPtr body,
                      const std::optional<Jsep> &jsep, JanusHandle::Answered answered) {
  if (over_)
    return;
  JsonObjectPtr request = message("message");
  json_object_set_object_member(request.get(), "body", body.release());
  if (jsep) {
    JsonObject *described = json_object_new();
    set(described, "type", jsep->type);
    set(described, "sdp", jsep->sdp);
    if (jsep->e2ee)
      json_object_set_boolean_member(described, "e2ee", TRUE);
    json_object_set_object_member(request.get(), "jsep", described);
  }
  const std::string transaction = *member_text(request.get(), "transaction");
  Pending &pending = pending_[transaction];
  pending.handle = handle;
  pending.answered = std::move(answered);
  pending.timeout.start(settings_.answer_within, [this, transaction] {
    answer(transaction, {.code = 0, .error = "Janus does not answer", .data = nullptr, .jsep = {}});
  });
  handle->outgoing.push_back(std::move(request));
  post_next(handle);
}

// Candidates that wait for an earlier request go together.
void Session::trickle(const std::shared_ptr<Handle> &handle, JsonObjectPtr candidate) {
  if (over_)
    return;
  JsonObject *last = handle->outgoing.empty() ? nullptr : handle->outgoing.back().get();
  if (member_text(last, "janus") != "trickle") {
    JsonObjectPtr trickle = message("trickle");
    json_object_set_array_member(trickle.get(), "candidates", json_array_new());
    last = trickle.get();
    handle->outgoing.push_back(std::move(trickle));
  }
  json_array_add_object_element(json_object_get_array_member(last, "candidates"),
                                candidate.release());
  post_next(handle);
}

void Session::post_next(const std::shared_ptr<Handle> &handle) {
  if (over_ || handle->id == 0 || handle->posting || handle->outgoing.empty())
    return;
  const JsonObjectPtr next = std::move(handle->outgoing.front());
  handle->outgoing.pop_front();
  handle->posting = true;
  post("/" + std::to_string(handle->id), next, settings_.answer_within,
       [this, weak = std::weak_ptr(handle), transaction = *member_text(next.get(), "transaction")](
           const JsonHttp::Answer &answer) { on_posted(weak, transaction, answer); });
}

void Session::on_posted(const std::weak_ptr<Handle> &weak, const std::string &transaction,
                        const JsonHttp::Answer &posted) {
  const auto self = shared_from_this();
  JsonObject *object = object_of(posted.json);
  if (!object)
    answer(transaction, {.code = 0,
                         .error = posted.json ? "the answer is no object" : posted.error,
                         .data = nullptr,
                         .jsep = {}});
  else if (member_text(object, "janus") != "ack")  // the event follows
    answer(transaction, reply_of(object));
  if (const auto handle = weak.lock()) {
    handle->posting = false;
    post_next(handle);
  }
}

// Nothing here when it is answered already, or the handle is gone.
void Session::answer(const std::string &transaction, const JanusReply &reply) {
  const auto self = shared_from_this();
  auto node = pending_.extract(transaction);
  if (over_ || node.empty())
    return;
  if (const auto handle = node.mapped().handle.lock(); handle && node.mapped().answered)
    node.mapped().answered(reply);
}

void Session::detach(const Handle &handle) {
  handles_.erase(handle.id);
  std::erase_if(pending_, [](const auto &entry) { return entry.second.handle.expired(); });
  if (over_ || handle.id == 0)
    return;
  post("/" + std::to_string(handle.id), message("detach"), settings_.answer_within,
       [](const JsonHttp::Answer &) {});
}

void Session::poll() {
  http_.request(url_ + "?maxev=10&rid=" + std::to_string(g_get_real_time()) + credentials_, nullptr,
                settings_.poll_within, [this](const JsonHttp::Answer &answer) { on_poll(answer); });
}

void Session::on_poll(const JsonHttp::Answer &answer) {
  const auto self = shared_from_this();
  if (over_)
    return;
  if (!reachable(answer)) {
    if (!over_)
      poll_again_.start(kPollAgainAfter, [this] { poll(); });
    return;
  }
  if (!answer.json)  // events may be lost with it
    return lose(answer.status == kNotFound ? kSessionUnknown : answer.error);
  if (JSON_NODE_HOLDS_ARRAY(answer.json.get())) {
    JsonArray *events = json_node_get_array(answer.json.get());
    for (guint i = 0; i < json_array_get_length(events) && !over_; ++i) {
      JsonNode *event = json_array_get_element(events, i);
      if (JSON_NODE_HOLDS_OBJECT(event))
        take(json_node_get_object(event));
    }
  } else if (JsonObject *event = object_of(answer.json)) {
    take(event);
  } else {
    return lose("what answers there is not Janus");
  }
  if (!over_)
    poll();
}

void Session::keep_alive() {
  keepalive_.start(settings_.keepalive_every, [this] {
    post("", message("keepalive"), settings_.answer_within, [this](const JsonHttp::Answer &answer) {
      const auto self = shared_from_this();
      if (!over_ && reachable(answer))
        keep_alive();
      else if (!over_)
        keepalive_.start(kPollAgainAfter, [this] { keep_alive(); });
    });
  });
}

// Loses the session when Janus is silent, or away for too long.
bool Session::reachable(const JsonHttp::Answer &answer) {
  if (answer.reached) {
    unreachable_since_ = 0;
    return true;
  }
  const gint64 now = g_get_monotonic_time();
  if (unreachable_since_ == 0)
    unreachable_since_ = now;
  const milliseconds away((now - unreachable_since_) / 1000);
  if (answer.timed_out || away >= settings_.unreachable_for)
    lose(answer.error);
  return false;
}

void Session::take(JsonObject *message) {
  const std::string kind = member_text(message, "janus").value_or("");
  const std::string transaction = member_text(message, "transaction").value_or("");
  if (pending_.contains(transaction)) {
    if (kind != "ack")
      answer(transaction, reply_of(message));
    return;
  }
  if (kind == "timeout")
    return lose("Janus let the session time out");
  if (kind == "error") {
    const JanusReply reply = reply_of(message);
    return lose(reply.code == kNoSuchSession ? kSessionUnknown
                                             : "Janus refuses the session: " + reply.error);
  }
  const auto found = handles_.find(member_number(message, "sender").value_or(0));
  const auto handle = found == handles_.end() ? nullptr : found->second.lock();
  if (!handle)
    return;
  JanusEvent event{.kind = kind,
                   .reason = member_text(message, "reason").value_or(""),
                   .data = member_object(member_object(message, "plugindata"), "data"),
                   .jsep = jsep_of(message)};
  if (const auto tell = handle->on_event)
    tell(event);
}

void Session::end(const std::string &why, const std::function<void(const std::string &)> &tell) {
  const auto self = shared_from_this();
  if (std::exchange(over_, true))
    return;
  keepalive_.stop();
  poll_again_.stop();
  pending_.clear();
  if (const auto callback = tell)
    callback(why);
}

void Session::close(std::function<void()> closed) {
  const bool known = up_ && !over_;
  over_ = true;
  keepalive_.stop();
  poll_again_.stop();
  pending_.clear();
  closed_ = std::move(closed);
  const auto end = [this] {
    const auto self = shared_from_this();
    closing_.stop();
    if (const auto callback = std::exchange(closed_, nullptr))
      callback();
  };
  if (known)
    post("", message("destroy"), kCloseWithin, [end](const JsonHttp::Answer &) { end(); });
  else
    closing_.start(milliseconds(0), end);
}

}  // namespace janus

JanusHandle::JanusHandle(std::shared_ptr<janus::Handle> handle) : handle_(std::move(handle)) {}

JanusHandle::~JanusHandle() {
  handle_->on_event = nullptr;
  const auto session = handle_->session.lock();
  const janus::Handle gone{
      .session = {}, .plugin = {}, .id = handle_->id, .on_event = {}, .outgoing = {}};
  handle_.reset();
  if (session)
    session->detach(gone);
}

void JanusHandle::on_event(std::function<void(const JanusEvent &)> callback) {
  handle_->on_event = std::move(callback);
}

void JanusHandle::request(JsonObjectPtr body, std::optional<Jsep> jsep, Answered answered) {
  if (const auto session = handle_->session.lock())
    session->request(handle_, std::move(body), jsep, std::move(answered));
}

void JanusHandle::trickle(unsigned mline, const std::string &candidate) {
  JsonObjectPtr object(json_object_new());
  json_object_set_string_member(object.get(), "candidate", candidate.c_str());
  json_object_set_int_member(object.get(), "sdpMLineIndex", mline);
  if (const auto session = handle_->session.lock())
    session->trickle(handle_, std::move(object));
}

void JanusHandle::trickle_completed() {
  JsonObjectPtr object(json_object_new());
  json_object_set_boolean_member(object.get(), "completed", TRUE);
  if (const auto session = handle_->session.lock())
    session->trickle(handle_, std::move(object));
}

JanusSession::JanusSession(Settings settings, Events events)
    : session_(std::make_shared<janus::Session>(std::move(settings), std::move(events))) {
  session_->create();
}

JanusSession::~JanusSession() {
  session_->abandon();
}

std::unique_ptr<JanusHandle> JanusSession::attach(const std::string &plugin) {
  return std::make_unique<JanusHandle>(session_->attach(plugin));
}

void JanusSession::close(std::function<void()> closed) {
  session_->close(std::move(closed));
}

}  // namespace recorder
