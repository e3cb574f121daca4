// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <list>
#include <set>

#include "janus_room.h"
#include "succession.h"

namespace recorder {

// Receives what one participant publishes, in a WebRTC connection of its own, and does so again,
// with a back-off, when that breaks. Nothing of it touches the other participants.
class JanusSubscription : public Subscription {
 public:
  // `room` stays longer than this.
  JanusSubscription(JanusRoom &room, const Feed &feed, const ReceiveSettings &settings,
                    Events events);
  ~JanusSubscription() override;
  JanusSubscription(const JanusSubscription &) = delete;
  JanusSubscription &operator=(const JanusSubscription &) = delete;

  void update(const Feed &feed) override;
  void request_key_frame() override;
  void drain(std::function<void()> drained) override;
  ReceiveStats stats() const override;

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

  JanusRoom &room_;
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
