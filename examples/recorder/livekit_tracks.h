// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>

#include "livekit/signal.pb.h"
#include "room.h"

namespace recorder {

// No room is as large, nor a name as long, so it is the server that went wrong.
constexpr std::size_t kMostLiveKitPublishers = 1000;
constexpr std::size_t kMostLiveKitTracks = 16;  // of one participant

bool is_livekit_name(const std::string &text);

// What signalling says of the tracks in a room, and what of it was told already.
class LiveKitTracks {
 public:
  LiveKitTracks(const std::string &scheme, bool allow_unencrypted, Room::Events &events);

  // Whether there is more than a listener's.
  static bool publishes(const livekit::wire::Participant &participant);
  // Of a participant, those that are recorded. Notes what is new about each.
  Feed take(const livekit::wire::Participant &participant);
  void take(const livekit::wire::StreamStateUpdate &update);
  void forget(const std::string &participant) { known_.erase(participant); }

  // Announced, but not to be recorded.
  bool is_refused(const std::string &track) const;

 private:
  struct Track {
    bool in_the_clear = false, refused = false, redundant = false, muted = false, paused = false;
  };
  struct Participant {
    std::string identity;
    std::map<std::string, Track> tracks;  // by sid
    bool has_too_many = false;
  };

  void note_encryption(const std::string &identity, const livekit::wire::Track &announced,
                       Track &track);
  void note_redundancy(const std::string &identity, const livekit::wire::Track &announced,
                       Track &track);
  void note_mute(const std::string &identity, const livekit::wire::Track &announced, Track &track);

  const livekit::wire::Encryption encryption_;  // that tracks of the scheme are announced as
  const bool allow_unencrypted_;
  Room::Events &events_;
  std::map<std::string, Participant> known_;  // by sid
};

}  // namespace recorder
