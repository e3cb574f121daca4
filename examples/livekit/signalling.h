// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/gst_ptr.h"
#include "common/timer.h"
#include "livekit/signal.pb.h"

namespace livekit {

// One WebSocket to a LiveKit server, from the request to join until it ends. Everything happens on
// the main context that was the thread's default when this was made.
class Signalling {
 public:
  struct Settings {
    std::string url;    // ws, wss, http or https
    std::string token;  // goes into a header: addresses end up in logs
    bool auto_subscribe = true;
    std::string resume;  // sid of the participant whose media connections go on; empty: join anew
    GTlsDatabase *trusted = nullptr;  // null: the system's certificates
    std::chrono::milliseconds patience = std::chrono::seconds(10);  // until one is in the room
  };

  enum class End {
    kUnreachable,  // no connection, or no answer of a LiveKit server
    kRefused,      // it answers that this participant may not join, or speaks no TLS
    kLost,         // it was there
    kLeave,        // the server says good-bye; `leave` has its reason
  };
  struct Ended {
    End how = End::kLost;
    std::string why;      // in words
    unsigned status = 0;  // of HTTP, where the server answered by one
    wire::Leave leave;
  };
  struct Events {
    std::function<void(const wire::Response &)> message;
    std::function<void(const Ended &)> ended;  // once; nothing follows
  };

  // A join response of a large room has megabytes; libsoup takes 128 KiB by itself.
  static constexpr guint64 kLargestMessage = 4 << 20;

  Signalling(const Settings &settings, Events events);
  ~Signalling();
  Signalling(const Signalling &) = delete;
  Signalling &operator=(const Signalling &) = delete;

  // Dropped while there is no connection.
  void send(const wire::Request &request);

  // Says good-bye and closes. `closed` comes soon, also when the server is silent; `ended` does
  // not.
  void close(std::function<void()> closed);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace livekit
