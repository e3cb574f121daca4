// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "wire_format.h"

namespace recorder {

using examples::Media;

struct ReceiveSettings : WireFormat {
  GstE2EEKeyProvider *provider = nullptr;  // not owned; null: frames are left as they are (sealed)
  std::string server_frames = "drop";      // as e2eedecrypt takes it
  unsigned replay_window = 0;
  GstClockTime key_wait = 0;
  unsigned key_wait_bytes = 8 << 20;

  unsigned latency_ms = 1000;  // nobody watches, so late packets are waited for
  bool loopback_only = false;  // ICE on 127.0.0.1 alone
  std::string stun_server;
  std::vector<std::string> turn_servers;
  // Clock time at which running time is 0; the same for all receivers of one recording, so that its
  // timestamps go on when it is received anew.
  GstClockTime base_time = GST_CLOCK_TIME_NONE;
};

// As in the PTS of frames that arrive now.
std::int64_t running_time_now(const ReceiveSettings &settings);

// What a stream is when it begins, as the offer has it.
struct StreamStart {
  unsigned mline = 0;
  Media media = Media::kVideo;
  unsigned nth = 0;           // of the streams of its media
  std::string stream, track;  // of its msid; empty: none
};

// Where a stream goes.
struct Route {
  enum class What { kTake, kWait, kLeaveOut };
  What what = What::kTake;    // kWait: asked again after Receiver::route_again()
  std::string participant;    // whose keys
  bool in_the_clear = false;  // it is not encrypted, and is wanted all the same
  // On a streaming thread. PTS is running time.
  std::function<void(Media, GstSample *)> frame;
  // As e2eedecrypt reports: state, frames since the last report. On the main context.
  std::function<void(const std::string &state, std::uint64_t frames)> state;
  // Counted under this name; see Receiver::stats().
  std::string owner;
};

struct TrackStats {
  Media media;
  std::string codec;
  std::uint64_t frames_arrived =
      0;  // out of the depayloader, but for those of the server that are dropped
  std::uint64_t frames_held = 0;     // waiting for a key
  std::uint64_t frames_dropped = 0;  // by e2eedecrypt, but for those that the server made
};
struct ReceiveStats {
  std::vector<TrackStats> tracks;
  std::uint64_t packets_lost = 0;     // never came
  std::uint64_t packets_late = 0;     // came when nobody waited any more
  std::uint64_t frames_left_out = 0;  // decrypted, but of no use for the file; see Succession

  ReceiveStats &operator+=(const ReceiveStats &other);  // tracks of one codec are one
};

// A WebRTC connection that only receives: a pipeline with a webrtcbin that answers offers, and a
// chain for each stream: depayloader, decryptor, parser, appsink. Streams come and go with offers;
// a media section that is used again for another track is another stream.
class Receiver {
 public:
  // On the main context.
  struct Events {
    std::function<void(const std::string &sdp)> answer;
    std::function<void(unsigned mline, const std::string &candidate)> candidate;
    std::function<void()> gathered, connected;
    std::function<void(const std::string &why)> failed;   // once; nothing more is received
    std::function<void(const std::string &why)> trouble;  // a stream is left out
    std::function<Route(const StreamStart &)> route;
    // A data channel of the other side: a message of it.
    std::function<void(const std::string &label, const std::string &message)> data;
  };

  // Throws Failure when elements are missing.
  Receiver(const ReceiveSettings &settings, Events events);
  ~Receiver();  // at once: what is on the way is not delivered. Nobody is called any more.
  Receiver(const Receiver &) = delete;
  Receiver &operator=(const Receiver &) = delete;

  void take_offer(const std::string &sdp);
  void add_candidate(unsigned mline, const std::string &candidate);
  void route_again();  // streams that wait

  // Takes no more packets but delivers all that came: those that wait for earlier ones, and frames
  // that wait for their key, for as long as they would have waited anyway.
  // Of events only state and frames come from now on.
  void drain(std::function<void()> drained);
  // The same for the streams of one owner, while the others go on. `tracks`: those of the owner,
  // also where no stream has begun yet.
  void drain(const std::string &owner, const std::set<std::string> &tracks,
             std::function<void()> drained);

  // For who begins to write anew and cannot use anything before. Empty: of all.
  void request_key_frame(const std::string &owner = {});

  // Of one owner, or of all.
  ReceiveStats stats(const std::string &owner = {}) const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace recorder
