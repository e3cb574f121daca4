// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>
#include <utility>

#include "livekit_room.h"
#include "succession.h"

namespace recorder {

// A participant's share of the room's connection.
class LiveKitSubscription : public Subscription {
 public:
  // `room` stays longer than this.
  LiveKitSubscription(LiveKitRoom &room, const Feed &feed, Events events);
  ~LiveKitSubscription() override;
  LiveKitSubscription(const LiveKitSubscription &) = delete;
  LiveKitSubscription &operator=(const LiveKitSubscription &) = delete;

  void update(const Feed &feed) override;
  void request_key_frame() override;
  void drain(std::function<void()> drained) override;
  ReceiveStats stats() const override;

  const Feed &feed() const { return feed_; }
  const Events &events() const { return events_; }
  // `number`: streams are numbered in the order in which they begin.
  Route route(const StreamStart &start, unsigned number);
  // A connection that holds streams of this participant goes.
  void keep(const ReceiveStats &stats) { past_ += stats; }

 private:
  unsigned place_of(const Feed::Stream &stream, Media media);

  LiveKitRoom &room_;
  Feed feed_;
  const Events events_;
  // Which of the recordings a track goes into: camera and microphone, screen and its sound, others.
  std::map<std::pair<Media, unsigned>, std::string> places_;
  Succession succession_;
  ReceiveStats past_;
  Timer drained_;
};

}  // namespace recorder
