// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/json.h"
#include "receive.h"

namespace recorder {

using namespace examples;

// What a participant publishes.
struct Feed {
  struct Stream {
    std::string id;
    std::string type;   // audio, video, data
    std::string codec;  // vp8, vp9, h264, h265, opus ...
    bool disabled = false;
    bool is_screen = false;
    bool in_the_clear = false;  // its sender does not encrypt it
    bool operator==(const Stream &) const = default;
  };
  std::string id;
  std::string display;
  std::string identity;  // of its keys
  std::vector<Stream> streams;
  bool operator==(const Feed &) const = default;
};

// What is received of one participant, also across connections that break. On the main context, but
// for frames.
class Subscription {
 public:
  struct Events {
    // It is received anew later, or one stream is left out.
    std::function<void(const std::string &why)> trouble;
    // As e2eedecrypt reports: state, frames since the last report.
    std::function<void(const std::string &state, std::uint64_t frames)> state;
    // On streaming threads, one for each stream; which of those of its media, from 0, and whether
    // its sender does not encrypt it. PTS is running time.
    std::function<void(Media, unsigned nth, bool in_the_clear, GstSample *)> frame;
  };

  virtual ~Subscription() = default;          // at once; nothing that is on the way is delivered
  virtual void update(const Feed &feed) = 0;  // what is published has changed
  virtual void request_key_frame() = 0;
  // Delivers all that has come until now; see Receiver::drain(). After `drained` it is only good
  // for stats() and its end.
  virtual void drain(std::function<void()> drained) = 0;
  virtual ReceiveStats stats() const = 0;  // of all connections so far
};

// A room of an SFU and who publishes there. Stays until it is closed: joins again, with a back-off,
// when the SFU or the room is gone. Everything happens on the main context.
class Room {
 public:
  struct Events {
    // Empty, or how long it was lost before.
    std::function<void(std::chrono::milliseconds gap)> joined;
    std::function<void(const Feed &)> publisher_joined, publisher_changed;
    // Why: "left", or "sfu-lost" when they may still be there.
    std::function<void(const Feed &, const std::string &why)> publisher_left;
    // `again_in` is the time until the next attempt.
    std::function<void(const std::string &why, std::chrono::milliseconds again_in)> lost;
    // The first join failed for a reason that time does not heal, as a wrong PIN or API secret;
    // nothing follows.
    std::function<void(const std::string &why)> refused;
    // The room is over, or `put_out`: it wants the recorder no more. Nothing follows.
    std::function<void(const std::string &why, bool put_out)> ended;
    // What is announced and not followed. Once for each reason.
    std::function<void(const std::string &what)> trouble;
    // For the log; `text` is for people and may be empty.
    std::function<void(const std::string &event, const JsonFields &fields, const std::string &text,
                       bool serious)>
        note;
    // A message of a participant in the room's chat; see ChatLog.
    std::function<void(const Feed &, const std::string &packet)> data;
  };

  virtual ~Room() = default;
  // The room stays longer than what it gives out.
  virtual std::unique_ptr<Subscription> subscribe(const Feed &feed, const ReceiveSettings &settings,
                                                  Subscription::Events events) = 0;
  // The end of frames that the server makes itself, in hex; empty: it announced none.
  virtual std::string server_trailer() const { return {}; }
  // Leaves. `closed` comes soon, also when the SFU is silent.
  virtual void close(std::function<void()> closed) = 0;
};

}  // namespace recorder
