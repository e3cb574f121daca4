// SPDX-License-Identifier: LGPL-2.1-or-later
// A place in a room: what is final, and what is tried again and how soon.
#include "place.h"

namespace {

using namespace fake;

TEST_F(LiveKitPlace, IsToldWhatTheServerSays) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  EXPECT_EQ(gap_, 0ms);
  wire::Response response;
  response.mutable_offer()->set_sdp("v=0");
  server_.send(response);
  EXPECT_TRUE(logged({"joined", "message"}));
}

TEST_F(LiveKitPlace, ComesBackAfterTheServer) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  server_.stop();
  ASSERT_TRUE(run_until([this] { return log_.size() >= 3; }));  // lost, and not found again
  EXPECT_EQ(log_.back(), "lost");
  run_for(100ms);
  server_.restart();
  ASSERT_TRUE(run_until([this] { return log_.back() == "joined"; }));
  EXPECT_GE(gap_, 100ms);
}

TEST_F(LiveKitPlace, ThatWasNeverReachedHasNoGap) {
  server_.stop();
  enter();
  ASSERT_TRUE(logged({"lost", "lost"}));
  server_.restart();
  ASSERT_TRUE(run_until([this] { return log_.back() == "joined"; }));
  EXPECT_EQ(gap_, 0ms);
}

TEST_F(LiveKitPlace, WaitsLongerEachTime) {
  server_.refuse = SOUP_STATUS_SERVICE_UNAVAILABLE;
  enter();
  ASSERT_TRUE(run_until([this] { return waits_.size() >= 4; }));
  for (const auto &[nth, about] : {std::pair{0, 50.0}, {1, 100.0}, {2, 200.0}, {3, 200.0}})
    EXPECT_NEAR(static_cast<double>(waits_[static_cast<std::size_t>(nth)].count()), about,
                about * 0.21);
}

TEST_F(LiveKitPlace, WaitsLongerEachTimeForAServerThatLetsOneInToPutOneOut) {
  server_.on_open = [this] {
    server_.send_join();
    server_.leave(wire::SERVER_SHUTDOWN);
  };
  enter();
  ASSERT_TRUE(run_until([this] { return waits_.size() >= 3; }));
  EXPECT_GE(waits_[2], 150ms);
}

TEST_F(LiveKitPlace, ComesBackAtOnceToASessionThatHasWorked) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  run_for(5100ms);
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
  EXPECT_EQ(waits_.front(), 0ms);
  server_.drop();
  ASSERT_TRUE(run_until([this] { return waits_.size() == 2; }));
  EXPECT_GE(waits_.back(), 40ms);
}

TEST_F(LiveKitPlace, AWrongTokenIsFinal) {
  server_.refuse = 401;
  server_.words = "invalid token";
  enter();
  ASSERT_TRUE(logged({"refused"}));
  EXPECT_TRUE(why_.starts_with("the server answers 401: invalid token; get a new token")) << why_;
  server_.refuse = 0;
  expect_silence();
}

TEST_F(LiveKitPlace, ATokenThatIsTooOldLaterIsNot) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  server_.refuse = 401;
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "lost"}));
  server_.refuse = 0;
  EXPECT_TRUE(run_until([this] { return log_.back() == "joined"; }));
}

TEST_F(LiveKitPlace, AFullRoomRefuses) {
  server_.on_open = [this] { server_.leave(wire::JOIN_FAILURE); };
  enter();
  ASSERT_TRUE(logged({"refused"}));
  EXPECT_EQ(why_, reason_text(wire::JOIN_FAILURE));
  expect_silence();
}

TEST_F(LiveKitPlace, ARoomThatIsFullLaterMayHaveAPlaceAgain) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  server_.leave(wire::JOIN_FAILURE);
  EXPECT_TRUE(logged({"joined", "lost", "joined"}));
}

class FinalReason : public LiveKitPlace, public testing::WithParamInterface<wire::Reason> {};
TEST_P(FinalReason, EndsItForGood) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  server_.leave(GetParam());
  ASSERT_TRUE(logged({"joined", "ended"}));
  EXPECT_EQ(reason_, GetParam());
  EXPECT_EQ(why_, reason_text(GetParam()));
  expect_silence();
  bool closed = false;
  room_->close([&closed] { closed = true; });
  EXPECT_TRUE(run_until([&closed] { return closed; }));
}
INSTANTIATE_TEST_SUITE_P(Leave, FinalReason,
                         testing::Values(wire::DUPLICATE_IDENTITY, wire::PARTICIPANT_REMOVED,
                                         wire::ROOM_DELETED, wire::ROOM_CLOSED));

class PassingReason : public LiveKitPlace, public testing::WithParamInterface<int> {};
TEST_P(PassingReason, BeginsANewSession) {
  settings_.can_resume = [] { return true; };
  enter();
  ASSERT_TRUE(logged({"joined"}));
  server_.leave(static_cast<wire::Reason>(GetParam()), wire::Leave::RECONNECT);
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
  EXPECT_FALSE(resumes(server_.queries.back()));
  EXPECT_FALSE(reason_text(static_cast<wire::Reason>(GetParam())).empty());
}
INSTANTIATE_TEST_SUITE_P(Leave, PassingReason,
                         testing::Values(wire::REASON_UNKNOWN, wire::CLIENT_INITIATED,
                                         wire::SERVER_SHUTDOWN, wire::STATE_MISMATCH,
                                         wire::MIGRATION, wire::SIGNAL_CLOSE,
                                         wire::CONNECTION_TIMEOUT, wire::MEDIA_FAILURE, 99));

TEST_F(LiveKitPlace, AnotherAddressIsTold) {
  server_.join.set_alternative_url("wss://elsewhere.example");
  enter();
  ASSERT_TRUE(logged({"lost"}));
  EXPECT_NE(why_.find("wss://elsewhere.example"), std::string::npos);
}

TEST_F(LiveKitPlace, AMessageThatIsTooLargeCostsASession) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  wire::Response response;
  response.mutable_offer()->set_sdp(std::string(5 << 20, 'x'));
  server_.send(response);
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
}

TEST_F(LiveKitPlace, JoinsWithTheTokenThatTheServerGaveLast) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  for (const std::string &token : {kSecond, std::string("no token")}) {
    wire::Response response;
    response.set_refresh_token(token);
    server_.send(response);
  }
  wire::Response last;
  last.mutable_offer();
  server_.send(last);
  ASSERT_TRUE(logged({"joined", "message"}));
  room_->join_anew("media");
  ASSERT_TRUE(run_until([this] { return server_.tokens.size() == 2; }));
  EXPECT_EQ(server_.tokens, (std::vector{"Bearer " + kFirst, "Bearer " + kSecond}));
}

TEST_F(LiveKitPlace, ItsOwnKeyIsWorthMoreThanARefreshedToken) {
  settings_.access = {.url = server_.url(),
                      .key = {"key", "secret"},
                      .room = "blue",
                      .identity = "me",
                      .name = "Me",
                      .grants = {}};
  room_ = std::make_unique<livekit::Room>(
      settings_,
      livekit::Room::Events{.joined = [this](const wire::Join &, Milliseconds) { take("joined"); },
                            .message = [this](const wire::Response &) { take("message"); }});
  ASSERT_TRUE(logged({"joined"}));
  wire::Response response;
  response.set_refresh_token(kSecond);
  server_.send(response);
  response.mutable_offer();
  server_.send(response);
  ASSERT_TRUE(logged({"joined", "message"}));
  room_->join_anew("media");
  ASSERT_TRUE(logged({"joined", "message", "joined"}));
  EXPECT_NE(server_.tokens.back(), "Bearer " + kSecond);
}

// ---- Joining anew, and the end

TEST_F(LiveKitPlace, AnotherSessionOnDemand) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  room_->join_anew("the connection for media failed");
  EXPECT_EQ(why_, "the connection for media failed");
  room_->join_anew("it does already");
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
  EXPECT_GT(gap_, 0ms);
}

TEST_F(LiveKitPlace, AnAttemptIsNotDisturbedByOneOnDemand) {
  enter();
  room_->join_anew("it does already");
  ASSERT_TRUE(logged({"joined"}));
  EXPECT_EQ(server_.queries.size(), 1U);
}

TEST_F(LiveKitPlace, NothingFollowsAfterTheEnd) {
  enter();
  ASSERT_TRUE(logged({"joined"}));
  bool closed = false;
  room_->close([&closed] { closed = true; });
  room_->join_anew("too late");
  ASSERT_TRUE(run_until([&closed] { return closed; }));
  EXPECT_EQ(server_.count(wire::Request::kLeave), 1U);
  expect_silence();
}

TEST_F(LiveKitPlace, ClosesWhileItWaits) {
  server_.stop();
  enter();
  ASSERT_TRUE(logged({"lost"}));
  bool closed = false;
  room_->close([&closed] { closed = true; });
  ASSERT_TRUE(run_until([&closed] { return closed; }));
  server_.restart();
  expect_silence();
}

TEST_F(LiveKitPlace, ClosesWhileItConnects) {
  server_.hangs = true;
  enter();
  ASSERT_TRUE(run_until([this] { return server_.is_asked(); }));
  bool closed = false;
  room_->close([&closed] { closed = true; });
  ASSERT_TRUE(run_until([&closed] { return closed; }, 5s));
  EXPECT_TRUE(log_.empty());
}

TEST_F(LiveKitPlace, ClosesOnASilentServer) {
  MortalServer silent;
  settings_.access.url = silent->url();
  enter();
  ASSERT_TRUE(run_until([&] {
    silent.live();
    return !log_.empty();
  }));
  bool closed = false;
  room_->close([&closed] { closed = true; });
  EXPECT_TRUE(run_until([&closed] { return closed; }, 10s));
}

TEST_F(LiveKitPlace, MayGoInItsCallbacks) {
  settings_.access.url = server_.url();
  settings_.access.token = kFirst;
  settings_.can_resume = [] { return true; };
  const auto go = [this] { room_.reset(); };
  const auto expect_gone = [this](livekit::Room::Events events) {
    room_ = std::make_unique<livekit::Room>(settings_, std::move(events));
    EXPECT_TRUE(run_until([this] { return !room_; }));
  };
  expect_gone({.joined = [go](const wire::Join &, Milliseconds) { go(); }});
  server_.on_open = [this] {
    server_.send_join();
    wire::Response response;
    response.mutable_offer();
    server_.send(response);
  };
  expect_gone({.message = [go](const wire::Response &) { go(); }});
  server_.on_open = [this] {
    server_.send_join();
    server_.drop();
  };
  expect_gone({.lost = [go](const std::string &, Milliseconds) { go(); }});
  server_.on_open = [this] {
    server_.send_join();
    server_.leave(wire::ROOM_DELETED);
  };
  expect_gone({.ended = [go](wire::Reason, const std::string &) { go(); }});
  server_.on_open = [this] {
    if (resumes(server_.queries.back()))
      return server_.send_reconnect();
    server_.send_join();
    server_.drop();
  };
  expect_gone({.resumed = [go](Milliseconds) { go(); }});
  server_.refuse = 401;
  expect_gone({.refused = [go](const std::string &) { go(); }});
}

TEST_F(LiveKitPlace, MayCloseInItsCallbacks) {
  for (const char *when : {"joined", "lost", "ended"}) {
    bool closed = false;
    const auto close = [&] { room_->close([&closed] { closed = true; }); };
    server_.on_open = [this, when] {
      server_.send_join();
      if (g_str_equal(when, "lost"))
        server_.drop();
      else if (g_str_equal(when, "ended"))
        server_.leave(wire::ROOM_DELETED);
    };
    settings_.access.url = server_.url();
    settings_.access.token = kFirst;
    livekit::Room::Events events;
    if (g_str_equal(when, "joined"))
      events.joined = [close](const wire::Join &, Milliseconds) { close(); };
    else if (g_str_equal(when, "lost"))
      events.lost = [close](const std::string &, Milliseconds) { close(); };
    else
      events.ended = [close](wire::Reason, const std::string &) { close(); };
    room_ = std::make_unique<livekit::Room>(settings_, std::move(events));
    EXPECT_TRUE(run_until([&closed] { return closed; }, 10s)) << when;
  }
}

}  // namespace
