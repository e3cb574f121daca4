// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "webrtc.h"

namespace examples {

struct PeerSettings {
  bool loopback_only = false;  // ICE on 127.0.0.1 alone
  std::string stun_server;
  std::vector<std::string> turn_servers;  // turn://user:password@host:port
};

// A webrtcbin inside a pipeline, and its conversation with the other side: one description at a
// time, candidates both ways. Fails where offer and answer disagree on SFrame (a=sframe). On the
// main context that was the thread's default when it was made.
class Peer {
 public:
  struct Events {
    std::function<void(const std::string &sdp)> answer;  // to an offer that was taken
    std::function<void(const std::string &sdp)> offer;   // that make_offer() asked for
    std::function<void(unsigned mline, const std::string &candidate)> candidate;
    std::function<void()> gathered;
    std::function<void()> connected;
    std::function<void(const std::string &why)> failed;  // once; the connection is of no more use
  };

  // `pipeline` goes to READY or further only after this; it must stop before this goes. Throws
  // Failure when elements are missing.
  Peer(GstElement *pipeline, const PeerSettings &settings, Events events);
  ~Peer();  // nobody is called any more
  Peer(const Peer &) = delete;
  Peer &operator=(const Peer &) = delete;

  GstElement *webrtcbin() const;

  // Answers it, after those that came before; of several that wait only the last is answered.
  void take_offer(const std::string &sdp);
  // Offers what webrtcbin has now. While another offer waits for its answer, after that.
  void make_offer();
  void take_answer(const std::string &sdp);
  void add_candidate(unsigned mline, const std::string &candidate);

  // The answer of webrtcbin's get-stats; nothing when the connection fails before.
  void ask_stats(std::function<void(const GstStructure *)> answered);

  // Called with an offer before webrtcbin sees it, and may say that it has to wait: then resume()
  // goes on with it. Null: none waits.
  void hold_offers(std::function<bool(const std::string &sdp)> hold);
  void resume();

  // Nothing of Events is called from now on.
  void silence();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace examples
