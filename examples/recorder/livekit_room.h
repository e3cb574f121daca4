// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/timer.h"
#include "livekit/room.h"
#include "livekit_tracks.h"
#include "room.h"

namespace recorder {

class LiveKitSubscription;

// A room of a LiveKit server. All that is received comes by one WebRTC connection, which a new
// session replaces: participants, their files and keys go on across it.
class LiveKitRoom : public Room {
 public:
  struct Settings {
    livekit::Access access;
    bool allow_unencrypted = false;
    // The server's own trailer and ICE servers are used where this names none.
    ReceiveSettings receive;
    examples::Backoff backoff = livekit::usual_backoff();
    // Until the media of a session comes, or a new one is tried.
    std::chrono::milliseconds patience = std::chrono::seconds(20);
  };

  LiveKitRoom(Settings settings, Events events);
  ~LiveKitRoom() override;
  LiveKitRoom(const LiveKitRoom &) = delete;
  LiveKitRoom &operator=(const LiveKitRoom &) = delete;

  std::unique_ptr<Subscription> subscribe(const Feed &feed, const ReceiveSettings &settings,
                                          Subscription::Events events) override;
  std::string server_trailer() const override { return server_trailer_; }
  void close(std::function<void()> closed) override;

 private:
  friend class LiveKitSubscription;

  struct TrackCodec {
    std::string track, codec;
  };

  // Signalling
  void on_joined(const livekit::wire::Join &join, std::chrono::milliseconds gap);
  void on_message(const livekit::wire::Response &response);
  void take_offer(bool may_wait);
  void on_trickle(const livekit::wire::Trickle &trickle);
  void send_answer(const std::string &sdp);
  void send_candidate(unsigned mline, const std::string &candidate);
  void want_highest_layer(const Feed &feed);

  // Participants
  void take_all(const livekit::wire::Join &join);
  void take(const livekit::wire::Participant &participant);
  void remove(const std::string &sid, const char *why);
  std::string codec_of(const std::string &track) const;
  const Feed *owner_of(const std::string &track) const;

  // Media
  void connect(const livekit::wire::Join &join);
  ReceiveSettings receive_settings(const livekit::wire::Join &join) const;
  void retire();
  Route route(const StreamStart &start);
  Route route(const StreamStart &start, LiveKitSubscription &subscription);
  void on_data(const std::string &message);
  void forget(LiveKitSubscription *subscription);

  void note(const std::string &event, const JsonFields &fields, const std::string &text,
            bool serious = false);
  void tell_once(const std::string &what);

  const Settings settings_;
  Events events_;
  std::string own_sid_;
  std::string server_trailer_;
  std::map<std::string, Feed> feeds_;  // by sid; those that publish
  LiveKitTracks tracks_;
  std::set<std::string> told_;
  std::set<LiveKitSubscription *> living_;  // also those that drain while their sid is here again
  std::map<std::string, LiveKitSubscription *> subscriptions_;  // by sid of the participant
  bool gives_up_unknown_ = false;
  std::optional<std::string> offer_;       // waits until its tracks are known
  std::string taken_offer_;                // the last one
  std::map<unsigned, TrackCodec> codecs_;  // of the sections of offers
  unsigned streams_ = 0;                   // so far, for their order
  examples::Timer connect_limit_, unknown_limit_, offer_limit_;
  std::list<std::unique_ptr<Receiver>> retired_;  // that deliver what they hold
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<livekit::Room> room_;
};

}  // namespace recorder
