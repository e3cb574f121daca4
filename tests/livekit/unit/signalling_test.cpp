// SPDX-License-Identifier: LGPL-2.1-or-later
// One WebSocket, to a server of this process that behaves and misbehaves like LiveKit's.
#include "livekit/signalling.h"

#include <gtest/gtest.h>

#include "fake_server.h"

namespace {

using namespace fake;
using namespace livekit;
using namespace std::chrono_literals;

class SignallingTest : public testing::Test {
 protected:
  void open() {
    if (settings_.url.empty())
      settings_.url = server_.url();
    signalling_ = std::make_unique<Signalling>(
        settings_, Signalling::Events{.message =
                                          [this](const wire::Response &response) {
                                            messages_.push_back(response.message_case());
                                          },
                                      .ended =
                                          [this](const Signalling::Ended &ended) {
                                            ++ends_;
                                            ended_ = ended;
                                          }});
  }
  void join() {
    open();
    ASSERT_TRUE(run_until([this] { return !messages_.empty(); }));
    ASSERT_EQ(messages_.front(), wire::Response::kJoin);
  }
  void expect_end(Signalling::End how, const std::string &why) {
    ASSERT_TRUE(run_until([this] { return ends_ > 0; }));
    EXPECT_EQ(ended_.how, how) << ended_.why;
    EXPECT_NE(ended_.why.find(why), std::string::npos) << ended_.why;
  }

  bool closes(std::chrono::milliseconds limit = 1min) {
    bool closed = false;
    signalling_->close([&closed] { closed = true; });
    return run_until([&closed] { return closed; }, limit);
  }

  FakeServer server_;
  static constexpr auto kSoon = 500ms;  // where the server is not expected to answer
  Signalling::Settings settings_{.url = {}, .token = "hush-hush", .resume = {}};
  std::vector<wire::Response::MessageCase> messages_;
  int ends_ = 0;
  Signalling::Ended ended_;
  std::unique_ptr<Signalling> signalling_;
};

using End = Signalling::End;

TEST_F(SignallingTest, JoinsWithTheTokenInAHeader) {
  settings_.auto_subscribe = false;
  join();
  EXPECT_EQ(server_.tokens, std::vector<std::string>{"Bearer hush-hush"});
  const std::string &query = server_.queries.front();
  EXPECT_EQ(query.find("hush"), std::string::npos) << query;
  EXPECT_EQ(query.find("reconnect"), std::string::npos) << query;
  EXPECT_NE(query.find("protocol=15&"), std::string::npos) << query;
  EXPECT_NE(query.find("auto_subscribe=0"), std::string::npos) << query;
}

TEST_F(SignallingTest, AnAddressMayHaveAPath) {
  settings_.url = server_.url() + "//";
  join();
}

TEST_F(SignallingTest, ResumesByTheSidOfTheParticipant) {
  settings_.resume = "PA_&?/";
  server_.on_open = [this] { server_.send_reconnect(); };
  open();
  ASSERT_TRUE(run_until([this] { return !messages_.empty(); }));
  EXPECT_EQ(messages_.front(), wire::Response::kReconnect);
  EXPECT_NE(server_.queries.front().find("&reconnect=1&sid=PA_%26%3F%2F"), std::string::npos)
      << server_.queries.front();
}

TEST_F(SignallingTest, PingsAsOftenAsTheServerWants) {
  server_.join.set_ping_interval(1);
  server_.join.set_ping_timeout(60);
  join();
  EXPECT_TRUE(run_until([this] { return server_.count(wire::Request::kPingReq) >= 2; }));
  EXPECT_GT(server_.requests.front().ping_req().timestamp(), 1'600'000'000'000);
  EXPECT_EQ(ends_, 0);
}

TEST_F(SignallingTest, PongsKeepTheConnection) {
  server_.join.set_ping_interval(1);
  server_.join.set_ping_timeout(1);
  join();
  for (std::size_t pings = 1; pings <= 4; ++pings) {
    ASSERT_TRUE(
        run_until([&] { return server_.count(wire::Request::kPingReq) >= pings || ends_ > 0; }));
    ASSERT_EQ(ends_, 0) << ended_.why;
    wire::Response pong;
    pong.mutable_pong_resp();
    server_.send(pong);
  }
}

TEST_F(SignallingTest, AServerThatFallsSilentIsLost) {
  server_.join.set_ping_interval(1);
  server_.join.set_ping_timeout(1);
  join();
  expect_end(End::kLost, "the server is silent");
}

TEST_F(SignallingTest, NoServerAsksForPingsWithoutAPause) {
  // Each of them is no time, or 0 ms in 32 bits.
  for (const int interval : {0, -1, 536870912, 2147483647}) {
    server_.requests.clear();
    messages_.clear();
    server_.join.set_ping_interval(interval);
    server_.join.set_ping_timeout(interval);
    join();
    run_for(100ms);
    EXPECT_EQ(server_.requests.size(), 0U) << interval;
    EXPECT_EQ(ends_, 0) << interval << ": " << ended_.why;
  }
}

// ---- What is refused

struct Refusal {
  unsigned status;
  const char *words;
  End how;
  const char *why;
};
class RefusedJoin : public SignallingTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusedJoin, IsToldInTheServersWords) {
  server_.refuse = GetParam().status;
  server_.words = GetParam().words;
  open();
  expect_end(GetParam().how,
             "the server answers " + std::to_string(GetParam().status) + ": " + GetParam().why);
  EXPECT_EQ(ended_.status, GetParam().status);
  EXPECT_EQ(ended_.why.find("hush"), std::string::npos) << ended_.why;
  EXPECT_EQ(ended_.why.find_first_of("\n\r\033"), std::string::npos);
  EXPECT_TRUE(messages_.empty());
}
const std::string kLong(1 << 20, 'x');
INSTANTIATE_TEST_SUITE_P(
    Server, RefusedJoin,
    testing::Values(Refusal{400, "no room name", End::kRefused, "no room name"},
                    Refusal{401, "invalid token: hush-hush, error: expired\n", End::kRefused,
                            "invalid token: (hidden), error: expired"},
                    Refusal{403, "\033[31mno\r\nentry", End::kRefused, " [31mno  entry"},
                    Refusal{404, "requested room does not exist", End::kUnreachable,
                            "requested room does not exist"},
                    Refusal{429, "too many", End::kUnreachable, "too many"},
                    Refusal{503, "", End::kUnreachable, "no reason given"},
                    Refusal{500, kLong.c_str(), End::kUnreachable, "no reason given"}),
    [](const auto &instance) { return std::to_string(instance.param.status); });

TEST_F(SignallingTest, ALongRefusalIsCut) {
  server_.refuse = 401;
  // Where it is cut may be within the token.
  for (std::size_t size = 0; size < 10; ++size) {
    server_.words = std::string(4090 + size, 'x') + " hush-hush " + std::string(10000, 'y');
    ends_ = 0;
    open();
    expect_end(End::kRefused, "xxx");
    EXPECT_LT(ended_.why.size(), 5000U);
    EXPECT_EQ(ended_.why.find("hus"), std::string::npos);
  }
}

TEST_F(SignallingTest, ATokenGoesToNobodyElse) {
  FakeServer other;
  server_.refuse = SOUP_STATUS_FOUND;
  server_.location = other.url() + "/rtc";
  open();
  expect_end(End::kUnreachable, "");
  EXPECT_TRUE(other.tokens.empty());
}

TEST_F(SignallingTest, AServerThatIsNotThere) {
  server_.stop();
  open();
  expect_end(End::kUnreachable, "refused");
}

TEST_F(SignallingTest, AHostThatIsUnknown) {
  settings_.url = "ws://no-such-host.invalid";
  open();
  expect_end(End::kUnreachable, "no-such-host.invalid");
}

TEST_F(SignallingTest, AnAddressThatIsNone) {
  for (const char *url : {"ws:///", "ws://[::1", "ws://host:99999", "nonsense"}) {
    ends_ = 0;
    settings_.url = url;
    open();
    EXPECT_EQ(ends_, 0);  // not before the constructor has returned
    ASSERT_TRUE(run_until([this] { return ends_ > 0; })) << url;
    EXPECT_EQ(ended_.how, End::kRefused) << url << ": " << ended_.why;
  }
}

// ---- What is no LiveKit server

TEST_F(SignallingTest, AWebServer) {
  server_.refuse = SOUP_STATUS_OK;
  open();
  expect_end(End::kUnreachable, "");
  EXPECT_EQ(ended_.status, 200U);
}

struct Nonsense {
  const char *name;
  std::string bytes;
};
class NonsenseTest : public SignallingTest, public testing::WithParamInterface<Nonsense> {};

TEST_P(NonsenseTest, AsTheFirstMessage) {
  server_.on_open = [this] { server_.send_bytes(GetParam().bytes); };
  open();
  expect_end(End::kUnreachable, "no message of LiveKit's");
  EXPECT_TRUE(messages_.empty());
}

TEST_P(NonsenseTest, InASession) {
  join();
  server_.send_bytes(GetParam().bytes);
  expect_end(End::kLost, "no message of LiveKit's");
  EXPECT_EQ(ends_, 1);
}

std::string cut(std::size_t by) {
  wire::Response response;
  response.mutable_join()->mutable_participant()->set_sid("PA_sid");
  const std::string whole = response.SerializeAsString();
  return whole.substr(0, whole.size() - by);
}

INSTANTIATE_TEST_SUITE_P(Server, NonsenseTest,
                         testing::Values(Nonsense{"Text", "hello"}, Nonsense{"Cut", cut(2)},
                                         Nonsense{"Group", std::string(1000, '\x0b')},
                                         Nonsense{"NotUtf8", "\x82\x01\x02\xff\xfe"}),
                         [](const auto &instance) { return instance.param.name; });

TEST_F(SignallingTest, WhatIsUnknownIsSkipped) {
  server_.on_open = [this] {
    server_.send_text("{}");
    wire::Response response;
    *response.mutable_join() = server_.join;
    std::string bytes = response.SerializeAsString();
    bytes += std::string("\xfa\x3e\x03", 3) + "abc";  // field 1007, of a later protocol
    server_.send_bytes(bytes);
    server_.send_bytes(std::string("\xfa\x3e\x03", 3) + "abc");
    server_.leave(wire::ROOM_CLOSED);
  };
  open();
  expect_end(End::kLeave, "");
  EXPECT_EQ(messages_, (std::vector{wire::Response::kJoin, wire::Response::MESSAGE_NOT_SET}));
}

TEST_F(SignallingTest, AServerThatNeverLetsOneInIsGivenUp) {
  server_.on_open = [this] {
    server_.send_text("hello");
    wire::Response pong;
    pong.mutable_pong_resp();
    server_.send(pong);
    server_.send_bytes("");
  };
  settings_.patience = kSoon;
  open();
  expect_end(End::kUnreachable, "does not let");
  EXPECT_TRUE(messages_.empty());
}

TEST_F(SignallingTest, ASecondJoinIsNone) {
  join();
  server_.send_join();
  server_.leave(wire::ROOM_CLOSED);
  expect_end(End::kLeave, "");
  EXPECT_EQ(messages_.size(), 1U);
}

TEST_F(SignallingTest, AServerThatHangs) {
  server_.hangs = true;
  settings_.patience = kSoon;
  open();
  expect_end(End::kUnreachable, "the server does not answer");
}

TEST_F(SignallingTest, AJoinResponseMayBeLarge) {
  for (int i = 0; i < 20000; ++i) {
    wire::Participant *participant = server_.join.add_other_participants();
    participant->set_sid("PA_" + std::to_string(i));
    participant->set_identity(std::string(100, 'x'));
  }
  ASSERT_GT(server_.join.ByteSizeLong(), std::size_t{2} << 20);
  join();
}

TEST_F(SignallingTest, AMessageMayBeTooLarge) {
  join();
  wire::Response response;
  response.mutable_offer()->set_sdp(std::string(5 << 20, 'x'));
  server_.send(response);
  expect_end(End::kLost, "a message of more than 4 MiB was refused");
}

TEST_F(SignallingTest, AConnectionThatBreaksIsLost) {
  join();
  server_.drop();
  expect_end(End::kLost, "");
  EXPECT_FALSE(ended_.why.empty());
}

TEST_F(SignallingTest, OneThatBreaksBeforeTheJoinWasNever) {
  server_.on_open = [this] { server_.drop(); };
  open();
  expect_end(End::kUnreachable, "");
}

// ---- The end

TEST_F(SignallingTest, SaysGoodBye) {
  join();
  EXPECT_TRUE(closes());
  EXPECT_EQ(server_.count(wire::Request::kLeave), 1U);
  EXPECT_EQ(server_.requests.back().leave().reason(), wire::CLIENT_INITIATED);
  EXPECT_EQ(server_.closes, std::vector<unsigned>{SOUP_WEBSOCKET_CLOSE_NORMAL});
  EXPECT_EQ(ends_, 0);
}

TEST_F(SignallingTest, ClosesWhileItConnects) {
  server_.hangs = true;
  open();
  ASSERT_TRUE(run_until([this] { return server_.is_asked(); }));
  EXPECT_TRUE(closes(2s));
  EXPECT_EQ(ends_, 0);
}

TEST_F(SignallingTest, ClosesAfterTheEnd) {
  join();
  server_.drop();
  ASSERT_TRUE(run_until([this] { return ends_ > 0; }));
  EXPECT_TRUE(closes());
}

TEST_F(SignallingTest, ClosesOnASilentServer) {
  MortalServer silent;
  settings_.url = silent->url();
  open();
  ASSERT_TRUE(run_until([&] {
    silent.live();
    return !messages_.empty();
  }));
  EXPECT_TRUE(closes(10s));
}

TEST_F(SignallingTest, MayGoAtAnyTime) {
  for (const unsigned status : {0U, 401U}) {
    server_.refuse = status;
    for (const auto time : {0ms, 1ms, 2ms, 4ms, 8ms, 20ms}) {
      open();
      run_for(time);
      signalling_.reset();
      run_for(20ms);
    }
  }
}

TEST_F(SignallingTest, MayGoInItsCallbacks) {
  settings_.url = server_.url();
  const auto with = [this](Signalling::Events events) {
    signalling_ = std::make_unique<Signalling>(settings_, std::move(events));
    EXPECT_TRUE(run_until([this] { return !signalling_; }));
  };
  with({.message = [this](const wire::Response &) { signalling_.reset(); }, .ended = {}});
  server_.on_open = [this] { server_.leave(wire::ROOM_CLOSED); };
  with({.message = {}, .ended = [this](const Signalling::Ended &) { signalling_.reset(); }});
  server_.on_open = [this] { server_.drop(); };
  with({.message = {}, .ended = [this](const Signalling::Ended &) { signalling_.reset(); }});
  server_.refuse = 401;
  with({.message = {}, .ended = [this](const Signalling::Ended &) { signalling_.reset(); }});
  server_.refuse = 0;
  server_.on_open = [this] { server_.send_join(); };
  open();
  ASSERT_TRUE(run_until([this] { return !messages_.empty(); }));
  signalling_->close([this] { signalling_.reset(); });
  EXPECT_TRUE(run_until([this] { return !signalling_; }));
}

}  // namespace
