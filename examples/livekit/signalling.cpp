// SPDX-License-Identifier: LGPL-2.1-or-later
#include "signalling.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "common/program.h"
#include "common/trust.h"

namespace livekit {

using examples::ObjectPtr;
using examples::Timer;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kProtocol = 15;
constexpr seconds kCloseWithin{2};
// Of what a server says instead of letting one in; what is longer is not for people.
constexpr gsize kLongestAnswer = 65536;
constexpr gsize kLongestRefusal = 4096;

std::string words_of(const GError *error) {
  if (g_error_matches(error, SOUP_WEBSOCKET_ERROR, SOUP_WEBSOCKET_CLOSE_TOO_BIG))
    return "a message of more than " + std::to_string(Signalling::kLargestMessage >> 20) +
           " MiB was refused";
  return error->message;
}

// libsoup speaks of http and https, and upgrades by itself.
std::string http_address(const std::string &url, const std::string &path) {
  std::string base = url;
  if (base.starts_with("ws"))
    base.replace(0, 2, "http");
  while (base.ends_with('/'))
    base.pop_back();
  return base + path;
}

std::string join_path(const Signalling::Settings &settings) {
  std::string path = "/rtc?protocol=" + std::to_string(kProtocol) +
                     "&sdk=cpp&version=" + examples::kVersion +
                     "&auto_subscribe=" + (settings.auto_subscribe ? "1" : "0");
  if (!settings.resume.empty()) {
    const examples::CharPtr sid(g_uri_escape_string(settings.resume.c_str(), nullptr, FALSE));
    path += std::string("&reconnect=1&sid=") + sid.get();
  }
  return path;
}

bool is_refusal(unsigned status) {
  return status == SOUP_STATUS_BAD_REQUEST || status == SOUP_STATUS_UNAUTHORIZED ||
         status == SOUP_STATUS_FORBIDDEN;
}

std::string one_line(std::string text) {
  for (char &letter : text)
    if (g_ascii_iscntrl(letter))
      letter = ' ';
  return g_strchomp(text.data());
}

// LiveKit's server repeats a token that it refuses.
std::string without_token(std::string text, const std::string &token) {
  constexpr std::string_view kInstead = "(hidden)";
  if (token.empty())
    return text;
  for (std::size_t at = 0; (at = text.find(token, at)) != std::string::npos; at += kInstead.size())
    text.replace(at, token.size(), kInstead);
  return text;
}

}  // namespace

struct Signalling::Core : std::enable_shared_from_this<Core> {
  struct Question;

  Core(const Settings &settings, Events given)
      : events(std::move(given)),
        address(settings.url),
        token(settings.token),
        patience(settings.patience),
        resumes(!settings.resume.empty()) {
    session.reset(soup_session_new_with_options("timeout", 0u, "user-agent", "gst-e2ee", nullptr));
    if (settings.trusted)
      soup_session_set_tls_database(session.get(), settings.trusted);
  }
  ~Core() { drop(); }

  void connect(const Settings &settings);
  void on_connected(GAsyncResult *result);
  void explain(unsigned status);
  void on_explained(unsigned status, std::string words);
  void on_message(GBytes *message);
  void on_response(const wire::Response &response);
  void on_closed();
  void ping();
  void listen_within();
  void send(const wire::Request &request);
  void end(Ended ended);
  void close(std::function<void()> when_closed);
  void drop();

  bool is_open() const {
    return connection &&
           soup_websocket_connection_get_state(connection.get()) == SOUP_WEBSOCKET_STATE_OPEN;
  }
  ObjectPtr<SoupMessage> request_to(const std::string &path) const;

  Events events;
  const std::string address, token;
  const milliseconds patience;
  const bool resumes;
  ObjectPtr<SoupSession> session;
  ObjectPtr<SoupMessage> upgrade;
  ObjectPtr<GCancellable> cancellable{g_cancellable_new()};
  ObjectPtr<SoupWebsocketConnection> connection;
  std::string trouble;  // of the connection, before it closes
  bool timed_out = false;
  bool is_in = false;  // the server has let us in
  seconds ping_interval{0}, ping_timeout{0};
  Timer limit, pings, silence, farewell;
  std::function<void()> closed;
};

// Why the upgrade was refused: on its way to the server and back.
struct Signalling::Core::Question {
  std::weak_ptr<Core> asker;
  unsigned status;
  std::string words;

  static void on_sent(GObject *session, GAsyncResult *result, gpointer self);
  static void on_read(GObject *answer, GAsyncResult *result, gpointer self);
  void tell(gsize size);
};

// ---- The connection

ObjectPtr<SoupMessage> Signalling::Core::request_to(const std::string &path) const {
  ObjectPtr<SoupMessage> message(soup_message_new("GET", http_address(address, path).c_str()));
  if (!message)
    return message;
  // The token is for this server and no other.
  soup_message_add_flags(message.get(), SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace(soup_message_get_request_headers(message.get()), "Authorization",
                               ("Bearer " + token).c_str());
  return message;
}

void Signalling::Core::connect(const Settings &settings) {
  upgrade = request_to(join_path(settings));
  if (!upgrade)
    return limit.start(milliseconds(0), [this] {
      end({.how = End::kRefused, .why = "the address " + address + " is none", .leave = {}});
    });
  examples::follow_handshake(upgrade.get());
  limit.start(patience, [this] {
    timed_out = true;
    g_cancellable_cancel(cancellable.get());
  });
  soup_session_websocket_connect_async(
      session.get(), upgrade.get(), nullptr, nullptr, G_PRIORITY_DEFAULT, cancellable.get(),
      [](GObject *, GAsyncResult *result, gpointer weak) {
        const std::unique_ptr<std::weak_ptr<Core>> owned(static_cast<std::weak_ptr<Core> *>(weak));
        if (const auto core = owned->lock())
          core->on_connected(result);
      },
      new std::weak_ptr<Core>(weak_from_this()));
}

void Signalling::Core::on_connected(GAsyncResult *result) {
  GError *error = nullptr;
  connection.reset(soup_session_websocket_connect_finish(session.get(), result, &error));
  limit.stop();
  if (!connection) {
    const examples::ErrorPtr owned(error);
    const unsigned status = soup_message_get_status(upgrade.get());
    if (timed_out)
      return end({.how = End::kUnreachable,
                  .why = "the server does not answer" + examples::handshake_hint(upgrade.get()),
                  .leave = {}});
    if (status >= SOUP_STATUS_BAD_REQUEST)
      return explain(status);
    return end(
        {.how = examples::is_no_tls(error, upgrade.get()) ? End::kRefused : End::kUnreachable,
         .why = examples::why_unreachable(error, upgrade.get()),
         .status = status,
         .leave = {}});
  }
  soup_websocket_connection_set_max_incoming_payload_size(connection.get(), kLargestMessage);
  g_signal_connect(
      connection.get(), "message",
      G_CALLBACK(+[](SoupWebsocketConnection *, gint type, GBytes *message, gpointer self) {
        if (type == SOUP_WEBSOCKET_DATA_BINARY)
          static_cast<Core *>(self)->on_message(message);
      }),
      this);
  g_signal_connect(connection.get(), "error",
                   G_CALLBACK(+[](SoupWebsocketConnection *, GError *why, gpointer self) {
                     static_cast<Core *>(self)->trouble = words_of(why);
                   }),
                   this);
  g_signal_connect(connection.get(), "closed",
                   G_CALLBACK(+[](SoupWebsocketConnection *, gpointer self) {
                     static_cast<Core *>(self)->on_closed();
                   }),
                   this);
  limit.start(patience, [this] {
    end({.how = End::kUnreachable, .why = "the server does not let anybody in", .leave = {}});
  });
}

// A refused upgrade has no words; asked for them, the server has.
void Signalling::Core::explain(unsigned status) {
  const ObjectPtr<SoupMessage> message = request_to("/rtc/validate");
  limit.start(patience, [this] { g_cancellable_cancel(cancellable.get()); });
  soup_session_send_async(
      session.get(), message.get(), G_PRIORITY_DEFAULT, cancellable.get(), &Question::on_sent,
      new Question{weak_from_this(), status, std::string(kLongestAnswer, '\0')});
}

// Of an answer without end no more is read than that.
void Signalling::Core::Question::on_sent(GObject *session, GAsyncResult *result, gpointer self) {
  std::unique_ptr<Question> question(static_cast<Question *>(self));
  const ObjectPtr<GInputStream> answer(
      soup_session_send_finish(SOUP_SESSION(session), result, nullptr));
  const auto core = question->asker.lock();
  if (!core || !answer)
    return question->tell(0);
  std::string &words = question->words;
  g_input_stream_read_all_async(answer.get(), words.data(), words.size(), G_PRIORITY_DEFAULT,
                                core->cancellable.get(), &on_read, question.release());
}

void Signalling::Core::Question::on_read(GObject *answer, GAsyncResult *result, gpointer self) {
  const std::unique_ptr<Question> question(static_cast<Question *>(self));
  gsize size = 0;
  g_input_stream_read_all_finish(G_INPUT_STREAM(answer), result, &size, nullptr);
  question->tell(size < kLongestAnswer ? size : 0);
}

void Signalling::Core::Question::tell(gsize size) {
  words.resize(size);
  if (const auto core = asker.lock())
    core->on_explained(status, words);
}

void Signalling::Core::on_explained(unsigned status, std::string words) {
  limit.stop();
  words = without_token(std::move(words), token);
  words.resize(std::min(words.size(), std::size_t{kLongestRefusal}));
  words = one_line(std::move(words));
  if (words.empty() || words == "success")
    words = "no reason given";
  end({.how = is_refusal(status) ? End::kRefused : End::kUnreachable,
       .why = "the server answers " + std::to_string(status) + ": " + words,
       .status = status,
       .leave = {}});
}

void Signalling::Core::on_closed() {
  if (closed) {
    farewell.stop();
    return std::exchange(closed, nullptr)();
  }
  end({.how = is_in ? End::kLost : End::kUnreachable,
       .why = trouble.empty() ? "the server has closed the connection" : trouble,
       .leave = {}});
}

// ---- Messages

void Signalling::Core::on_message(GBytes *message) {
  gsize size = 0;
  const void *data = g_bytes_get_data(message, &size);
  wire::Response response;
  if (!response.ParseFromArray(data, static_cast<int>(size)))
    return end({.how = is_in ? End::kLost : End::kUnreachable,
                .why = "what the server sends is no message of LiveKit's",
                .leave = {}});
  listen_within();
  on_response(response);
}

void Signalling::Core::on_response(const wire::Response &response) {
  const auto alive = shared_from_this();
  if (response.has_leave())
    return end(
        {.how = End::kLeave, .why = "the server ends the session", .leave = response.leave()});
  // A session begins once, and nothing comes before.
  const bool begins = response.has_join() || (resumes && response.has_reconnect());
  if (begins == is_in)
    return;
  if (begins) {
    is_in = true;
    limit.stop();
  }
  if (response.has_join()) {
    ping_interval = seconds(std::max(response.join().ping_interval(), 0));
    ping_timeout = seconds(std::max(response.join().ping_timeout(), 0));
    ping();
    listen_within();
  }
  if (const auto message = events.message)
    message(response);
}

void Signalling::Core::ping() {
  if (ping_interval.count() <= 0)
    return;
  pings.start(ping_interval, [this] {
    wire::Request request;
    request.mutable_ping_req()->set_timestamp(g_get_real_time() / 1000);
    send(request);
    ping();
  });
}

void Signalling::Core::listen_within() {
  if (ping_timeout.count() > 0)
    silence.start(ping_interval + ping_timeout,
                  [this] { end({.how = End::kLost, .why = "the server is silent", .leave = {}}); });
}

void Signalling::Core::send(const wire::Request &request) {
  if (!is_open())
    return;
  const std::string bytes = request.SerializeAsString();
  soup_websocket_connection_send_binary(connection.get(), bytes.data(), bytes.size());
}

// ---- The end

void Signalling::Core::end(Ended ended) {
  const auto alive = shared_from_this();
  drop();
  events.message = nullptr;
  if (const auto tell = std::exchange(events.ended, nullptr))
    tell(ended);
}

void Signalling::Core::drop() {
  for (Timer *timer : {&limit, &pings, &silence})
    timer->stop();
  g_cancellable_cancel(cancellable.get());
  if (!connection)
    return;
  g_signal_handlers_disconnect_by_data(connection.get(), this);
  if (is_open())
    soup_websocket_connection_close(connection.get(), SOUP_WEBSOCKET_CLOSE_GOING_AWAY, nullptr);
  connection.reset();
}

void Signalling::Core::close(std::function<void()> when_closed) {
  events = {};
  for (Timer *timer : {&limit, &pings, &silence})
    timer->stop();
  closed = std::move(when_closed);
  const bool open = is_open();
  if (open) {
    wire::Request request;
    request.mutable_leave()->set_reason(wire::CLIENT_INITIATED);
    send(request);
    soup_websocket_connection_close(connection.get(), SOUP_WEBSOCKET_CLOSE_NORMAL, nullptr);
  } else {
    g_cancellable_cancel(cancellable.get());
  }
  farewell.start(open ? milliseconds(kCloseWithin) : milliseconds(0), [this] {
    if (const auto done = std::exchange(closed, nullptr))
      done();
  });
}

// ---- Signalling

Signalling::Signalling(const Settings &settings, Events events)
    : core_(std::make_shared<Core>(settings, std::move(events))) {
  core_->connect(settings);
}

Signalling::~Signalling() {
  core_->events = {};
}

void Signalling::send(const wire::Request &request) {
  core_->send(request);
}

void Signalling::close(std::function<void()> closed) {
  core_->close(std::move(closed));
}

}  // namespace livekit
