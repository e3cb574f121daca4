// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/peer.h"
#include "format.h"
#include "livekit/signal.pb.h"
#include "outlet.h"

namespace publish {

namespace wire = livekit::wire;

// A track as a source brings it in.
struct Offered {
  unsigned source = 0;  // its number
  Format format;
  wire::TrackSource kind = wire::CAMERA;
  wire::Encryption encryption = wire::GCM;
  std::string name;
  bool muted = false;
  Outlet *outlet = nullptr;                   // of the encrypted frames
  std::function<void()> key_frame_is_wanted;  // by a receiver; any thread
};

// The media connections of one session in a LiveKit room: ours, on which tracks go out, and the
// server's, if it opens one. On the main context that was the thread's default when it was made.
class Session {
 public:
  struct Events {
    std::function<void(const wire::Request &)> send;
    std::function<void(unsigned source, const std::string &sid)> published;
    std::function<void(unsigned source, bool wanted)> wanted;
    std::function<void(unsigned source, const std::string &why)> refused;
    std::function<void()> connected;
    std::function<void(const std::string &why)> failed;  // once
  };

  Session(const examples::PeerSettings &settings, Events events);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  void add(const Offered &track);
  void set_muted(unsigned source, bool muted);
  void take(const wire::Response &response);

  bool is_connected() const;
  // Packets that receivers' reports call lost, as of the last look; looks again.
  guint64 packets_lost();

  // What the server has to know after signalling was lost and resumed.
  wire::SyncState state() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace publish
