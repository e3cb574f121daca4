// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "livekit/signal.pb.h"
#include "support/main_context.h"

namespace fake {

namespace wire = livekit::wire;
using e2ee::test::run_for;
using e2ee::test::run_until;
using examples::ObjectPtr;

/// A LiveKit server as far as signalling goes: one room, in this process, on 127.0.0.1.
class FakeServer {
 public:
  /// With a certificate it speaks TLS.
  explicit FakeServer(GTlsCertificate *certificate = nullptr) {
    if (certificate)
      certificate_.reset(G_TLS_CERTIFICATE(g_object_ref(certificate)));
    join.mutable_participant()->set_sid("PA_me");
    join.mutable_participant()->set_identity("me");
    start(0);
  }
  ~FakeServer() { stop(); }
  FakeServer(const FakeServer &) = delete;
  FakeServer &operator=(const FakeServer &) = delete;

  void start(guint port) {
    server_.reset(SOUP_SERVER(
        g_object_new(SOUP_TYPE_SERVER, "tls-certificate", certificate_.get(), nullptr)));
    soup_server_add_handler(server_.get(), "/rtc", &FakeServer::on_request, this, nullptr);
    soup_server_add_websocket_handler(server_.get(), "/rtc", nullptr, nullptr,
                                      &FakeServer::on_websocket, this, nullptr);
    const auto options = SoupServerListenOptions(SOUP_SERVER_LISTEN_IPV4_ONLY |
                                                 (certificate_ ? SOUP_SERVER_LISTEN_HTTPS : 0));
    GError *error = nullptr;
    if (!soup_server_listen_local(server_.get(), port, options, &error))
      g_error("the server cannot listen: %s", error->message);
    GSList *uris = soup_server_get_uris(server_.get());
    port_ = static_cast<guint>(g_uri_get_port(static_cast<GUri *>(uris->data)));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  }
  /// As when its process is killed.
  void stop() {
    drop();
    if (server_)
      soup_server_disconnect(server_.get());
    server_.reset();
  }
  void restart() { start(port_); }

  std::string url() const {
    return (certificate_ ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(port_);
  }

  void send(const wire::Response &response) { send_bytes(response.SerializeAsString()); }
  void send_bytes(const std::string &bytes) {
    soup_websocket_connection_send_message(connection(), SOUP_WEBSOCKET_DATA_BINARY,
                                           bytes_of(bytes).get());
  }
  void send_text(const std::string &text) {
    soup_websocket_connection_send_text(connection(), text.c_str());
  }
  void leave(wire::Reason reason, wire::Leave::Action action = wire::Leave::DISCONNECT) {
    wire::Response response;
    response.mutable_leave()->set_reason(reason);
    response.mutable_leave()->set_action(action);
    send(response);
  }
  void send_join() {
    wire::Response response;
    *response.mutable_join() = join;
    send(response);
  }
  void send_reconnect() {
    wire::Response response;
    response.mutable_reconnect();
    send(response);
  }
  /// The connection breaks, without good-bye.
  void drop() {
    if (!connection_)
      return;
    g_signal_handlers_disconnect_by_data(connection_.get(), this);
    g_io_stream_close(soup_websocket_connection_get_io_stream(connection_.get()), nullptr, nullptr);
    connection_.reset();
  }
  bool is_connected() const {
    return connection_ &&
           soup_websocket_connection_get_state(connection_.get()) == SOUP_WEBSOCKET_STATE_OPEN;
  }

  bool is_asked() const { return !hung_.empty(); }  // and hangs

  /// Requests of that kind, so far.
  std::size_t count(wire::Request::MessageCase kind) const {
    std::size_t found = 0;
    for (const wire::Request &request : requests)
      found += request.message_case() == kind;
    return found;
  }

  wire::Join join;
  /// What a new connection gets.
  std::function<void()> on_open = [this] { send_join(); };
  /// Answers HTTP with this status instead, and with the words when asked by /rtc/validate.
  unsigned refuse = 0;
  std::string words;
  std::string location;  // of a redirection
  bool hangs = false;    // does not answer HTTP

  std::vector<std::string> queries, tokens;  // of attempts to join
  std::vector<wire::Request> requests;
  std::vector<unsigned> closes;  // codes by which connections were closed

 private:
  using BytesPtr = std::unique_ptr<GBytes, examples::FreeWith<&g_bytes_unref>>;
  static BytesPtr bytes_of(const std::string &text) {
    return BytesPtr(g_bytes_new(text.data(), text.size()));
  }

  SoupWebsocketConnection *connection() const {
    if (!connection_)
      g_error("nobody is connected");
    return connection_.get();
  }

  static void on_request(SoupServer *, SoupServerMessage *message, const char *path, GHashTable *,
                         gpointer self) {
    static_cast<FakeServer *>(self)->take(message, path);
  }

  void take(SoupServerMessage *message, const std::string &path) {
    if (hangs) {
      soup_server_message_pause(message);
      hung_.emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)));
      return;
    }
    const bool is_question = path == "/rtc/validate";
    if (!is_question) {
      const char *token = soup_message_headers_get_one(
          soup_server_message_get_request_headers(message), "Authorization");
      const char *query = g_uri_get_query(soup_server_message_get_uri(message));
      tokens.emplace_back(token ? token : "");
      queries.emplace_back(query ? query : "");
    }
    if (refuse == 0)
      return;
    soup_server_message_set_status(message, refuse, nullptr);
    if (!location.empty())
      soup_message_headers_replace(soup_server_message_get_response_headers(message), "Location",
                                   location.c_str());
    if (is_question)
      soup_server_message_set_response(message, "text/plain", SOUP_MEMORY_COPY, words.data(),
                                       words.size());
  }

  static void on_websocket(SoupServer *, SoupServerMessage *, const char *,
                           SoupWebsocketConnection *connection, gpointer self) {
    static_cast<FakeServer *>(self)->open(connection);
  }

  void open(SoupWebsocketConnection *connection) {
    drop();
    connection_.reset(SOUP_WEBSOCKET_CONNECTION(g_object_ref(connection)));
    g_signal_connect(connection, "message",
                     G_CALLBACK(+[](SoupWebsocketConnection *, gint, GBytes *bytes, gpointer self) {
                       gsize size = 0;
                       const void *data = g_bytes_get_data(bytes, &size);
                       wire::Request request;
                       if (!request.ParseFromArray(data, static_cast<int>(size)))
                         g_error("the client sends what is no request");
                       static_cast<FakeServer *>(self)->requests.push_back(request);
                     }),
                     this);
    g_signal_connect(connection, "closed",
                     G_CALLBACK(+[](SoupWebsocketConnection *closed, gpointer self) {
                       static_cast<FakeServer *>(self)->closes.push_back(
                           soup_websocket_connection_get_close_code(closed));
                     }),
                     this);
    on_open();
  }

  guint port_ = 0;
  ObjectPtr<GTlsCertificate> certificate_;
  ObjectPtr<SoupServer> server_;
  ObjectPtr<SoupWebsocketConnection> connection_;  // the last one
  std::vector<ObjectPtr<SoupServerMessage>> hung_;
};

/// A server that can fall silent, its connections open: it only lives in live().
class MortalServer {
 public:
  MortalServer() {
    g_main_context_push_thread_default(context_.get());
    server_ = std::make_unique<FakeServer>();
    g_main_context_pop_thread_default(context_.get());
  }
  FakeServer *operator->() { return server_.get(); }

  void live() {
    g_main_context_push_thread_default(context_.get());
    while (g_main_context_iteration(context_.get(), FALSE)) {
    }
    g_main_context_pop_thread_default(context_.get());
  }

 private:
  const std::unique_ptr<GMainContext, examples::FreeWith<&g_main_context_unref>> context_{
      g_main_context_new()};
  std::unique_ptr<FakeServer> server_;
};

}  // namespace fake
