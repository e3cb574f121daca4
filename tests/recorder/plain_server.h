// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <string>

#include "common/gst_ptr.h"

namespace fake {

/// What a server of HTTP without TLS says to a client that begins a handshake.
class PlainServer {
 public:
  PlainServer() : service_(g_socket_service_new()) {
    const examples::ObjectPtr<GInetAddress> here(g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4));
    const examples::ObjectPtr<GSocketAddress> any(g_inet_socket_address_new(here.get(), 0));
    GSocketAddress *bound = nullptr;
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service_.get()), any.get(),
                                       G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, nullptr, &bound,
                                       nullptr))
      g_error("the server cannot listen");
    const examples::ObjectPtr<GSocketAddress> owned(bound);
    port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    g_signal_connect(service_.get(), "incoming", G_CALLBACK(&PlainServer::on_incoming), this);
  }
  ~PlainServer() {
    g_signal_handlers_disconnect_by_data(service_.get(), this);
    g_socket_service_stop(service_.get());
    g_socket_listener_close(G_SOCKET_LISTENER(service_.get()));
  }
  PlainServer(const PlainServer &) = delete;
  PlainServer &operator=(const PlainServer &) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  unsigned clients() const { return clients_; }

 private:
  static gboolean on_incoming(GSocketService *, GSocketConnection *connection, GObject *,
                              PlainServer *self) {
    constexpr char kAnswer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    GIOStream *stream = G_IO_STREAM(connection);
    g_output_stream_write(g_io_stream_get_output_stream(stream), kAnswer, sizeof kAnswer - 1,
                          nullptr, nullptr);
    // What the client has sent is read first: else its end would be a reset.
    g_input_stream_skip_async(
        g_io_stream_get_input_stream(stream), 4096, G_PRIORITY_DEFAULT, nullptr,
        [](GObject *, GAsyncResult *, gpointer held) {
          const examples::ObjectPtr<GIOStream> read(static_cast<GIOStream *>(held));
          g_io_stream_close(read.get(), nullptr, nullptr);
        },
        g_object_ref(stream));
    ++self->clients_;
    return TRUE;
  }

  const examples::ObjectPtr<GSocketService> service_;
  guint16 port_ = 0;
  unsigned clients_ = 0;
};

}  // namespace fake
