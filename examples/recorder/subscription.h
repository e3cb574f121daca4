// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "receive.h"
#include "room.h"

namespace recorder {

// What an ended connection held comes while the next one delivers already. Where the codec is not
// the same, the files could not hold both: then the older one's frames are left out.
class Succession {
 public:
  // Whether a frame is taken. Connections are numbered in order. Any thread.
  bool takes(unsigned connection, Media media, unsigned nth, GstSample *frame);
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Newest {
    unsigned connection = 0;
    examples::CapsPtr caps;
  };
  std::atomic<std::uint64_t> left_out_ = 0;
  std::mutex mutex_;
  std::map<std::pair<Media, unsigned>, Newest> newest_;
};

// Receives what one participant publishes, in a WebRTC connection of its own, and does so again,
// with a back-off, when that breaks. Nothing of it touches the other participants.
//
// Everything happens on the main context, but for frames.
class Subscription {
 public:
  struct Events {
    // It is received anew later, or one stream is left out.
    std::function<void(const std::string &why)> trouble;
    // As e2eedecrypt reports: participant, state, frames since the last report.
    std::function<void(const std::string &, const std::string &, std::uint64_t)> state;
    // On streaming threads, one for each stream; which of those of its media, from 0. PTS is
    // running time.
    std::function<void(Media, unsigned nth, GstSample *)> frame;
  };

  // `room` stays longer than this.
  Subscription(Room &room, const Feed &feed, const ReceiveSettings &settings, Events events,
               Backoff backoff = Backoff());
  ~Subscription();  // at once; nothing that is on the way is delivered
  Subscription(const Subscription &) = delete;
  Subscription &operator=(const Subscription &) = delete;

  void update(const Feed &feed);  // what is published has changed

  void request_key_frame();

  // Unsubscribes and delivers all that has come until now; see Receiver::drain(). After `drained`
  // it is only good for stats() and its end.
  void drain(std::function<void()> drained);

  // Of all connections so far.
  ReceiveStats stats() const;

 private:
  void start();
  Route route(const StreamStart &stream, unsigned connection);
  void on_joined(const JanusReply &reply);
  void on_event(const JanusEvent &event);
  void take_offer(const Jsep &offer);
  void send_answer(const std::string &sdp);
  void subscribe_to(const std::vector<Feed::Stream> &streams);
  void settle();
  void retry(const std::string &why);
  void retire();
  void on_retired(Receiver *receiver);

  Room &room_;
  Feed feed_;
  const ReceiveSettings settings_;
  const Events events_;
  Backoff backoff_;
  std::set<std::string> subscribed_;  // mids
  bool e2ee_ = false;
  unsigned connection_ = 0;
  Succession succession_;
  ReceiveStats past_;  // of receivers that are gone
  std::function<void()> drained_;
  Timer again_, settled_;
  std::list<std::unique_ptr<Receiver>> retired_;  // that deliver what they hold
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<JanusHandle> handle_;
};

}  // namespace recorder
