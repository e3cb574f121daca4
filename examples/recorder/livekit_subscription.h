// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

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
  // Whether it is, or was, one of theirs.
  bool has(const std::string &track) const { return stream(track) != nullptr; }
  // `number`: streams are numbered in the order in which they begin.
  Route route(const StreamStart &start, unsigned number);
  // A connection that was replaced has delivered all it held, and goes.
  void on_retired(const ReceiveStats &stats);

 private:
  // Where frames go. Streams may outlive the subscription that they were for.
  struct Outlet {
    explicit Outlet(Events given) : events(std::move(given)) {}
    void deliver(unsigned number, Media media, unsigned place, bool in_the_clear, GstSample *frame);

    const Events events;
    Succession succession;
    std::shared_mutex mutex;  // shared while a frame is delivered
    bool is_open = true;
  };

  const Feed::Stream *present(const std::string &track) const;
  const Feed::Stream *stream(const std::string &track) const;  // or one that was taken away
  std::set<std::string> tracks() const;                        // all of them
  void tell_drained();
  unsigned place_of(const Feed::Stream &stream, Media media);

  LiveKitRoom &room_;
  Feed feed_;
  std::vector<Feed::Stream> gone_;  // taken away lately
  const std::shared_ptr<Outlet> outlet_;
  // Which of the recordings a track goes into: camera and microphone, screen and its sound, others.
  std::map<std::pair<Media, unsigned>, std::string> places_;
  ReceiveStats past_;
  std::function<void()> drained_;
  bool has_ended_ = false;  // the streams of the connection of that time
  Timer check_;
};

}  // namespace recorder
