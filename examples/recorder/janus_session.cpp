// SPDX-License-Identifier: LGPL-2.1-or-later
// A session from its beginning to its end, and what Janus says meanwhile.
#include "janus_session.h"

#include <utility>

namespace recorder::janus {

using examples::Failure;

namespace {

constexpr int kUnauthorized = 403;
constexpr int kNoSuchSession = 458;
constexpr unsigned kNotFound = 404;  // Janus' other way to say it
constexpr const char *kSessionUnknown = "it does not know the session any more";
constexpr milliseconds kPollAgainAfter{250};
constexpr milliseconds kCloseWithin{2000};

std::optional<Jsep> jsep_of(JsonObject *message) {
  JsonObject *jsep = member_object(message, "jsep");
  if (!jsep)
    return std::nullopt;
  return Jsep{member_text(jsep, "type").value_or(""), member_text(jsep, "sdp").value_or(""),
              member_flag(jsep, "e2ee")};
}

}  // namespace

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

}  // namespace recorder::janus
