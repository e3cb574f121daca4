// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdio.h>
#include <unistd.h>

#include "control.h"
#include "progress.h"

namespace recorder {
namespace {

using examples::CharPtr;
using examples::ObjectPtr;

constexpr guint kTimeoutSeconds = 30;

std::string ask(const std::string &socket, const std::string &line) {
  const ObjectPtr<GSocketClient> client(g_socket_client_new());
  g_socket_client_set_timeout(client.get(), kTimeoutSeconds);
  const ObjectPtr<GSocketAddress> address(g_unix_socket_address_new(socket.c_str()));
  examples::Error error;
  const ObjectPtr<GSocketConnection> connection(g_socket_client_connect(
      client.get(), G_SOCKET_CONNECTABLE(address.get()), nullptr, error.out()));
  error.check(socket + ": no recorder answers");
  GIOStream *stream = G_IO_STREAM(connection.get());
  g_output_stream_write_all(g_io_stream_get_output_stream(stream), line.data(), line.size(),
                            nullptr, nullptr, error.out());
  error.check(socket + ": the recorder takes no request");
  const ObjectPtr<GDataInputStream> input(
      g_data_input_stream_new(g_io_stream_get_input_stream(stream)));
  gsize size = 0;
  const CharPtr answer(g_data_input_stream_read_line(input.get(), &size, nullptr, error.out()));
  error.check(socket + ": the recorder does not answer");
  if (!answer)
    throw Failure(socket + ": the recorder ended the connection; it has too many, or it stops");
  return {answer.get(), size};
}

}  // namespace

int control_client(const std::string &socket, const ControlRequest &request) {
  constexpr int kFailed = 1;  // or refused
  constexpr int kWrongUsage = 2;
  if (control_protocol::takes_identity(request.command) == request.identity.empty()) {
    fprintf(
        stderr, "%s: %s\n", request.command.c_str(),
        request.identity.empty() ? "name the participant" : "is for all, it takes no participant");
    return kWrongUsage;
  }
  try {
    JsonWriter message({{"command", request.command}});
    if (!request.identity.empty())
      message.set("identity", request.identity);
    const std::string answer = ask(socket, message.line() + "\n");
    const JsonNodePtr node = parse_json_object(answer);
    if (!node)
      throw Failure(socket + ": what answers there is no recorder");
    JsonObject *object = json_node_get_object(node.get());
    // Names in it come from the meeting. JSON escapes only some of what steers a terminal.
    const std::string text = CharPtr(json_to_string(node.get(), FALSE)).get();
    printf("%s\n", isatty(STDOUT_FILENO) ? progress_text::harmless(text).c_str() : text.c_str());
    fflush(stdout);
    return json_object_has_member(object, "ok") && json_object_get_boolean_member(object, "ok")
               ? 0
               : kFailed;
  } catch (const Failure &failure) {
    fprintf(stderr, "%s\n", failure.what());
    return kFailed;
  }
}

}  // namespace recorder
