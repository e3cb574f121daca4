// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "livekit/room.h"

#include <gtest/gtest.h>

#include "fake_server.h"

namespace fake {

using namespace livekit;
using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

inline const std::string kFirst = make_token({"key", "secret"}, "blue", "me", "Me", {});
inline const std::string kSecond = make_token({"key", "secret"}, "blue", "me", "Me again", {});

/// A place in the room of a server of this process; what is told goes into a log.
class LiveKitPlace : public testing::Test {
 protected:
  void enter() {
    if (settings_.access.url.empty())
      settings_.access.url = server_.url();
    settings_.access.token = kFirst;
    room_ = std::make_unique<livekit::Room>(
        settings_,
        livekit::Room::Events{
            .joined = [this](const wire::Join &, Milliseconds gap) { take("joined", "", gap); },
            .resumed = [this](Milliseconds gap) { take("resumed", "", gap); },
            .message = [this](const wire::Response &) { take("message"); },
            .lost =
                [this](const std::string &why, Milliseconds again_in) {
                  take("lost", why);
                  waits_.push_back(again_in);
                },
            .refused = [this](const std::string &why) { take("refused", why); },
            .ended =
                [this](wire::Reason reason, const std::string &why) {
                  take("ended", why);
                  reason_ = reason;
                }});
  }
  void take(const std::string &event, const std::string &why = {}, Milliseconds gap = {}) {
    log_.push_back(event);
    why_ = why;
    gap_ = gap;
  }
  bool logged(const std::vector<std::string> &wanted) {
    return run_until([&] { return log_.size() >= wanted.size(); }) && log_ == wanted;
  }
  /// Nothing follows, though the server would let us in.
  void expect_silence() {
    const std::size_t events = log_.size(), attempts = server_.queries.size();
    room_->join_anew("nothing follows");
    run_for(500ms);
    EXPECT_EQ(log_.size(), events) << log_.back();
    EXPECT_EQ(server_.queries.size(), attempts);
  }
  bool resumes(const std::string &query) {
    return query.find("&reconnect=1&sid=PA_me") != std::string::npos;
  }

  FakeServer server_;
  livekit::Room::Settings settings_{
      .access = {}, .can_resume = {}, .backoff = examples::Backoff(50ms, 200ms)};
  std::vector<std::string> log_;
  std::vector<Milliseconds> waits_;
  std::string why_;
  Milliseconds gap_{};
  wire::Reason reason_ = wire::REASON_UNKNOWN;
  std::unique_ptr<livekit::Room> room_;
};

}  // namespace fake
