// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/gst_ptr.h"
#include "common/json.h"

namespace recorder {

using namespace examples;

using examples::Failure;

struct ControlRequest {
  std::string command;   // withdraw, allow, status, stop
  std::string identity;  // of withdraw and allow; empty otherwise
};

// Takes commands on a Unix socket that only its owner can open: a line of JSON, answered by a line
// of JSON, any number of them; whoever says nothing for kPatienceSeconds is let go.
//
//   {"command": "withdraw", "identity": "bob"}    ->  {"ok": true, ...}
//   {"command": "nonsense"}                       ->  {"ok": false, "error": "..."}
//
// Everything happens on the main context that was the thread's default when this was made.
class Control {
 public:
  // What the answer holds beside `ok`. A Failure becomes the answer's `error`.
  using Handler = std::function<JsonWriter(const ControlRequest &)>;

  static constexpr std::size_t kMaxLine = 64 * 1024;
  static constexpr unsigned kMaxConnections = 16;
  static constexpr unsigned kPatienceSeconds = 10;  // for a line, and for taking the answer

  // Throws when another recorder answers at this socket, or when something else is there.
  Control(const std::string &path, Handler handler, unsigned patience_seconds = kPatienceSeconds);
  ~Control();
  Control(const Control &) = delete;
  Control &operator=(const Control &) = delete;

 private:
  class Server;

  std::shared_ptr<Server> server_;
};

// The other side, for `e2ee-recorder withdraw --control SOCKET bob`: prints the answer, or to
// stderr what is wrong. Exit codes: 0 done, 1 the recorder refused, 2 it could not be asked.
int control_client(const std::string &socket, const ControlRequest &request);

namespace control_protocol {
bool is_command(const std::string &command);
bool takes_identity(const std::string &command);
}  // namespace control_protocol

}  // namespace recorder
