// SPDX-License-Identifier: LGPL-2.1-or-later
#include "control.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>

#include "common/timer.h"

namespace recorder {
namespace control_protocol {

bool is_command(const std::string &command) {
  return takes_identity(command) || command == "status" || command == "stop";
}

bool takes_identity(const std::string &command) {
  return command == "withdraw" || command == "allow";
}

}  // namespace control_protocol

namespace {

using examples::ErrorPtr;
using examples::ObjectPtr;

std::string refusal(const std::string &why) {
  return JsonWriter({{"ok", false}, {"error", why}}).line();
}

ControlRequest parse_request(const std::string &line) {
  const JsonNodePtr node = parse_json_object(line);
  if (!node)
    throw Failure("a request is an object in JSON on one line, such as {\"command\": \"status\"}");
  JsonObject *object = json_node_get_object(node.get());
  ControlRequest request{text_or(object, "command"), text_or(object, "identity")};
  if (!control_protocol::is_command(request.command))
    throw Failure("the command is one of withdraw, allow, status, stop");
  if (control_protocol::takes_identity(request.command) && request.identity.empty())
    throw Failure(request.command + " needs the identity of a participant");
  return request;
}

bool answers(const std::string &path) {
  const ObjectPtr<GSocketClient> client(g_socket_client_new());
  const ObjectPtr<GSocketAddress> address(g_unix_socket_address_new(path.c_str()));
  const ObjectPtr<GSocketConnection> connection(
      g_socket_client_connect(client.get(), G_SOCKET_CONNECTABLE(address.get()), nullptr, nullptr));
  return connection != nullptr;
}

// A socket of a recorder that was killed stays; nobody answers there.
void remove_stale(const std::string &path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0)
    return;
  if (!S_ISSOCK(info.st_mode))
    throw Failure(path + ": there is something else than a socket; give another --control");
  if (answers(path))
    throw Failure(path + ": a recorder that is running answers here; give another --control");
  unlink(path.c_str());
}

}  // namespace

// One connection: a line is read, answered, and the next one read.
class Control::Server : public std::enable_shared_from_this<Control::Server> {
 public:
  Server(const std::string &path, Handler handler, unsigned patience)
      : path_(path), handler_(std::move(handler)), patience_(patience) {}

  void start() {
    if (path_.size() >= sizeof(sockaddr_un::sun_path))
      throw Failure(path_ + ": this path is too long for a socket; give a shorter --control");
    remove_stale(path_);
    service_.reset(g_socket_service_new());
    const ObjectPtr<GSocket> socket = listening();
    examples::Error error;
    g_socket_listener_add_socket(G_SOCKET_LISTENER(service_.get()), socket.get(), nullptr,
                                 error.out());
    error.check(path_ + ": cannot listen for commands");
    g_signal_connect(service_.get(), "incoming", G_CALLBACK(on_incoming), this);
    g_socket_service_start(service_.get());
  }

  void stop() {
    handler_ = nullptr;
    if (!service_)
      return;
    g_signal_handlers_disconnect_by_data(service_.get(), this);
    g_socket_service_stop(service_.get());
    g_socket_listener_close(G_SOCKET_LISTENER(service_.get()));
    for (Peer *peer : peers_)
      g_cancellable_cancel(peer->cancel.get());
    struct stat info;
    if (lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_)
      unlink(path_.c_str());
  }

 private:
  ObjectPtr<GSocket> listening() {
    const std::string doing = path_ + ": cannot listen for commands";
    examples::Error error;
    ObjectPtr<GSocket> socket(g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                           G_SOCKET_PROTOCOL_DEFAULT, error.out()));
    error.check(doing);
    const ObjectPtr<GSocketAddress> address(g_unix_socket_address_new(path_.c_str()));
    g_socket_bind(socket.get(), address.get(), FALSE, error.out());
    error.check(doing);
    // Nobody gets in before listen(), so that there is no moment with other permissions.
    struct stat info;
    if (chmod(path_.c_str(), 0600) != 0 || lstat(path_.c_str(), &info) != 0)
      throw Failure(doing + ": " + strerror(errno));
    inode_ = info.st_ino;
    g_socket_listen(socket.get(), error.out());
    error.check(doing);
    return socket;
  }

  struct Peer {
    Peer(std::shared_ptr<Server> owner, GSocketConnection *with)
        : server(std::move(owner)),
          connection(G_SOCKET_CONNECTION(g_object_ref(with))),
          cancel(g_cancellable_new()) {
      server->peers_.push_back(this);
    }
    ~Peer() { server->peers_.remove(this); }

    std::shared_ptr<Server> server;
    ObjectPtr<GSocketConnection> connection;
    ObjectPtr<GCancellable> cancel;
    Timer timer;
    std::array<char, 4096> chunk{};
    std::string in;
    std::string out;
    bool last = false;
  };

  static gboolean on_incoming(GSocketService *, GSocketConnection *connection, GObject *,
                              Server *self) {
    if (self->peers_.size() >= kMaxConnections)
      return TRUE;  // closed with its last reference
    read(std::make_unique<Peer>(self->shared_from_this(), connection));
    return TRUE;
  }

  // Whoever hangs is let go.
  static void set_patience(Peer &peer) {
    peer.timer.start(std::chrono::seconds(peer.server->patience_),
                     [&peer] { g_cancellable_cancel(peer.cancel.get()); });
  }

  static void read(std::unique_ptr<Peer> peer) {
    if (!peer->timer.is_running())
      set_patience(*peer);
    GInputStream *stream = g_io_stream_get_input_stream(G_IO_STREAM(peer->connection.get()));
    Peer *waits = peer.release();
    g_input_stream_read_async(stream, waits->chunk.data(), waits->chunk.size(), G_PRIORITY_DEFAULT,
                              waits->cancel.get(), on_read, waits);
  }

  static void on_read(GObject *stream, GAsyncResult *result, gpointer data) {
    std::unique_ptr<Peer> peer(static_cast<Peer *>(data));
    const gssize size = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, nullptr);
    if (size <= 0)
      return;
    peer->in.append(peer->chunk.data(), static_cast<std::size_t>(size));
    serve(std::move(peer));
  }

  // Answers the lines that are there. What fits into the socket is sent at once, so that `stop` is
  // answered though the main context may not run again.
  static void serve(std::unique_ptr<Peer> peer) {
    while (!peer->last) {
      const std::size_t end = peer->in.find('\n');
      if (end == std::string::npos && peer->in.size() <= kMaxLine) {
        read(std::move(peer));
        return;
      }
      if (std::min(end, peer->in.size()) > kMaxLine) {
        peer->out = refusal("a request is at most 64 KiB long") + "\n";
        peer->last = true;
      } else {
        const std::string line = peer->in.substr(0, end);
        peer->in.erase(0, end + 1);
        peer->out = peer->server->answer(line) + "\n";
      }
      peer->timer.stop();
      if (!write_at_once(*peer)) {
        write(std::move(peer));
        return;
      }
    }
  }

  static bool write_at_once(Peer &peer) {
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(peer.connection.get()));
    const gssize size = g_pollable_output_stream_write_nonblocking(
        G_POLLABLE_OUTPUT_STREAM(stream), peer.out.data(), peer.out.size(), nullptr, nullptr);
    if (size > 0)
      peer.out.erase(0, static_cast<std::size_t>(size));
    return peer.out.empty();
  }

  static void write(std::unique_ptr<Peer> peer) {
    set_patience(*peer);
    GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(peer->connection.get()));
    Peer *waits = peer.release();
    g_output_stream_write_all_async(stream, waits->out.data(), waits->out.size(),
                                    G_PRIORITY_DEFAULT, waits->cancel.get(), on_written, waits);
  }

  static void on_written(GObject *stream, GAsyncResult *result, gpointer data) {
    std::unique_ptr<Peer> peer(static_cast<Peer *>(data));
    if (g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result, nullptr, nullptr)) {
      peer->timer.stop();
      serve(std::move(peer));
    }
  }

  std::string answer(const std::string &line) {
    try {
      if (!handler_)
        throw Failure("the recorder is stopping");
      const ControlRequest request = parse_request(line);
      const Handler handle = handler_;  // it may take this down
      return handle(request).set("ok", true).line();
    } catch (const Failure &failure) {
      return refusal(failure.what());
    }
  }

  const std::string path_;
  Handler handler_;
  const unsigned patience_;
  ObjectPtr<GSocketService> service_;
  ino_t inode_ = 0;
  std::list<Peer *> peers_;
};

Control::Control(const std::string &path, Handler handler, unsigned patience_seconds)
    : server_(std::make_shared<Server>(path, std::move(handler), patience_seconds)) {
  server_->start();
}

Control::~Control() {
  server_->stop();
}

}  // namespace recorder
