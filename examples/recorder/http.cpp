// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http.h"

#include "common/timer.h"
#include "common/trust.h"

namespace recorder {
namespace {

using examples::ObjectPtr;

// Ten session descriptions of large rooms fit many times.
constexpr size_t kLongestAnswer = 4 << 20;
// The long poll takes one of them.
constexpr guint kConnections = 6;

std::string take_message(GError *error) {
  std::string message = error ? error->message : "unknown reason";
  g_clear_error(&error);
  return message;
}

}  // namespace

struct JsonHttp::Exchange {
  JsonHttp *owner;  // null when that is gone
  ObjectPtr<SoupMessage> message;
  ObjectPtr<GCancellable> cancellable{g_cancellable_new()};
  ObjectPtr<GInputStream> stream;
  std::unique_ptr<char[]> body;
  Timer timeout;
  bool timed_out = false;
  Done done;
};

JsonHttp::JsonHttp(GTlsDatabase *trusted)
    : session_(soup_session_new_with_options("max-conns", kConnections, "max-conns-per-host",
                                             kConnections, "timeout", 0u, "user-agent",
                                             "e2ee-recorder", nullptr)) {
  if (trusted)
    soup_session_set_tls_database(session_.get(), trusted);
}

JsonHttp::~JsonHttp() {
  for (const auto &exchange : exchanges_) {
    exchange->owner = nullptr;
    exchange->timeout.stop();
    exchange->done = nullptr;
    g_cancellable_cancel(exchange->cancellable.get());
  }
}

void JsonHttp::request(const std::string &url, const std::string *body,
                       std::chrono::milliseconds within, Done done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->owner = this;
  exchange->done = std::move(done);
  exchange->message.reset(soup_message_new(body ? "POST" : "GET", url.c_str()));
  exchanges_.insert(exchange);
  follow_handshake(exchange->message.get());
  // It may hold secrets, which belong to this server and no other.
  soup_message_add_flags(exchange->message.get(), SOUP_MESSAGE_NO_REDIRECT);
  if (body) {
    GBytes *bytes = g_bytes_new(body->data(), body->size());
    soup_message_set_request_body_from_bytes(exchange->message.get(), "application/json", bytes);
    g_bytes_unref(bytes);
  }
  exchange->timeout.start(within, [raw = exchange.get()] {
    raw->timed_out = true;
    g_cancellable_cancel(raw->cancellable.get());
  });
  soup_session_send_async(session_.get(), exchange->message.get(), G_PRIORITY_DEFAULT,
                          exchange->cancellable.get(), &JsonHttp::on_headers,
                          new std::shared_ptr<Exchange>(exchange));
}

void JsonHttp::on_headers(GObject *session, GAsyncResult *result, gpointer data) {
  std::unique_ptr<std::shared_ptr<Exchange>> held(static_cast<std::shared_ptr<Exchange> *>(data));
  Exchange &exchange = **held;
  GError *error = nullptr;
  exchange.stream.reset(soup_session_send_finish(SOUP_SESSION(session), result, &error));
  if (!exchange.stream) {
    const ErrorPtr owned(error);
    Answer answer;
    answer.error = why_unreachable(error, exchange.message.get());
    answer.reached = false;
    answer.no_tls = is_no_tls(error, exchange.message.get());
    return finish(*held, std::move(answer));
  }
  if (!exchange.owner)
    return;
  const guint status = soup_message_get_status(exchange.message.get());
  if (status != SOUP_STATUS_OK) {
    const char *reason = soup_message_get_reason_phrase(exchange.message.get());
    Answer answer;
    answer.error = "the server answers " + std::to_string(status) + " " + (reason ? reason : "");
    answer.status = status;
    return finish(*held, std::move(answer));
  }
  exchange.body = std::make_unique_for_overwrite<char[]>(kLongestAnswer);
  g_input_stream_read_all_async(exchange.stream.get(), exchange.body.get(), kLongestAnswer,
                                G_PRIORITY_DEFAULT, exchange.cancellable.get(), &JsonHttp::on_body,
                                held.release());
}

void JsonHttp::on_body(GObject *stream, GAsyncResult *result, gpointer data) {
  std::unique_ptr<std::shared_ptr<Exchange>> held(static_cast<std::shared_ptr<Exchange> *>(data));
  Exchange &exchange = **held;
  GError *error = nullptr;
  gsize length = 0;
  if (!g_input_stream_read_all_finish(G_INPUT_STREAM(stream), result, &length, &error))
    return finish(*held, {nullptr, take_message(error), false});
  if (length == kLongestAnswer)
    return finish(*held, {nullptr, "the server's answer does not end", true});
  std::string why;
  JsonNodePtr json = parse_json({exchange.body.get(), length}, why);
  if (!json)
    return finish(*held, {nullptr, "the server's answer is no JSON: " + why, true});
  finish(*held, {std::move(json), "", true});
}

void JsonHttp::finish(const std::shared_ptr<Exchange> &exchange, Answer answer) {
  if (!exchange->owner)
    return;
  exchange->timeout.stop();
  exchange->owner->exchanges_.erase(exchange);
  if (exchange->timed_out)
    answer = {nullptr,
              "the server does not answer in time" + handshake_hint(exchange->message.get()), false,
              true};
  exchange->done(answer);
}

}  // namespace recorder
