// SPDX-License-Identifier: LGPL-2.1-or-later
// Signalling against a server of this process that behaves and misbehaves like Janus.
#include <gtest/gtest.h>
#include <string.h>

#include "janus_fixture.h"
#include "plain_server.h"

namespace {

using namespace fake;
using namespace recorder;
using std::chrono::milliseconds;

TEST_F(Janus, AnEventAnswersARequest) {
  open_and_wait();
  const auto handle = session->attach("plugin");
  std::string answer, sdp;
  handle->request(body(), Jsep{"offer", "v=0", true}, [&](const JanusReply &reply) {
    answer = member_text(reply.data, "word").value_or(reply.error);
    sdp = reply.jsep ? reply.jsep->sdp : "";
  });
  server.on_message = [&](const std::string &kind) {
    if (kind == "message")
      server.event(
          R"([{"janus":"event","sender":22,"transaction":")" + server.last_transaction +
          R"(","plugindata":{"data":{"word":"yes"}},"jsep":{"type":"answer","sdp":"x"}}])");
  };
  EXPECT_TRUE(run_until([&] { return !answer.empty(); }));
  EXPECT_EQ(answer, "yes");
  EXPECT_EQ(sdp, "x");
  EXPECT_NE(server.bodies.back().find(R"("e2ee":true)"), std::string::npos);
}

TEST_F(Janus, ARequestWithoutAnswerFails) {
  settings.answer_within = milliseconds(150);
  open_and_wait();
  const auto handle = session->attach("plugin");
  int answers = 0;
  std::string error;
  handle->request(body(), std::nullopt, [&](const JanusReply &reply) {
    ++answers;
    error = reply.error;
  });
  EXPECT_TRUE(run_until([&] { return answers > 0; }));
  EXPECT_EQ(error, "Janus does not answer");
  // The late event is no second answer.
  server.event(R"([{"janus":"event","sender":22,"transaction":")" + server.last_transaction +
               R"(","plugindata":{"data":{}}}])");
  run_for(milliseconds(100));
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(losses, 0);
}

TEST_F(Janus, AnErrorOfThePluginIsAnError) {
  server.answers["message"] =
      R"({"janus":"success","transaction":"%T","plugindata":{"data":{"error_code":426,"error":"none"}}})";
  open_and_wait();
  const auto handle = session->attach("plugin");
  JanusReply got;
  handle->request(body(), std::nullopt, [&](const JanusReply &reply) { got.code = reply.code; });
  EXPECT_TRUE(run_until([&] { return got.code == 426; }));
}

TEST_F(Janus, CandidatesThatWaitGoTogetherAndLater) {
  open_and_wait();
  const auto handle = session->attach("plugin");
  handle->request(body(), std::nullopt, [](const JanusReply &) {});
  handle->trickle(0, "candidate:1");
  handle->trickle(1, "candidate:2");
  handle->trickle_completed();
  EXPECT_TRUE(run_until([&] { return server.seen.back() == "trickle"; }));
  run_for(milliseconds(100));
  EXPECT_EQ(std::count(server.seen.begin(), server.seen.end(), "trickle"), 1);
  EXPECT_NE(server.bodies.back().find("candidate:2"), std::string::npos);
  EXPECT_NE(server.bodies.back().find("completed"), std::string::npos);
}

TEST_F(Janus, NobodyIsCalledAfterTheEnd) {
  open_and_wait();
  auto handle = session->attach("plugin");
  int calls = 0;
  handle->on_event([&](const JanusEvent &) { ++calls; });
  handle->request(body(), std::nullopt, [&](const JanusReply &) { ++calls; });
  run_until([&] { return !server.seen.empty() && server.seen.back() == "message"; });
  handle.reset();
  EXPECT_TRUE(run_until([&] { return server.seen.back() == "detach"; }));
  server.event(R"([{"janus":"event","sender":22,"plugindata":{"data":{}}}])");
  run_for(milliseconds(100));
  session.reset();
  server.event(R"([{"janus":"timeout"}])");
  run_for(milliseconds(100));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(losses, 0);
}

TEST_F(Janus, AHandleMayGoInItsOwnCallback) {
  open_and_wait();
  auto handle = session->attach("plugin");
  handle->on_event([&](const JanusEvent &) { handle.reset(); });
  run_for(milliseconds(100));
  server.event(R"([{"janus":"hangup","sender":22,"reason":"x"},{"janus":"hangup","sender":22}])");
  EXPECT_TRUE(run_until([&] { return !handle; }));
}

TEST_F(Janus, ASessionMayGoInItsOwnCallback) {
  settings.url = server.url();
  session = std::make_unique<JanusSession>(
      settings, JanusSession::Events{.up = [this] { session.reset(); }, .lost = {}});
  EXPECT_TRUE(run_until([&] { return !session; }));
}

TEST_F(Janus, AServerWithoutTlsIsFinal) {
  const PlainServer plain;
  settings.url = "https://" + plain.address() + "/janus";
  std::string refused;
  session = std::make_unique<JanusSession>(
      settings, JanusSession::Events{.up = {},
                                     .lost = [this](const std::string &) { ++losses; },
                                     .refused = [&](const std::string &why) { refused = why; }});
  EXPECT_TRUE(run_until([&] { return !refused.empty(); }));
  EXPECT_NE(refused.find("does the server speak TLS at this port?"), std::string::npos) << refused;
  EXPECT_EQ(losses, 0);
}

struct BadAnswer {
  const char *name, *json;
};
class BadPoll : public Janus, public testing::WithParamInterface<BadAnswer> {};

TEST_P(BadPoll, LosesTheSessionOnce) {
  open_and_wait();
  server.event(GetParam().json);
  EXPECT_TRUE(run_until([&] { return losses > 0; })) << GetParam().json;
  run_for(milliseconds(300));
  EXPECT_EQ(losses, 1);
}
const std::string kDeep(100000, '[');
INSTANTIATE_TEST_SUITE_P(
    Server, BadPoll,
    testing::Values(BadAnswer{"NotJson", "<html>"}, BadAnswer{"Cut", R"([{"janus":"ev)"},
                    BadAnswer{"Empty", ""}, BadAnswer{"Number", "17"},
                    BadAnswer{"NotUtf8", "[\"\xff\xfe\"]"}, BadAnswer{"Deep", kDeep.c_str()},
                    BadAnswer{"UnknownSession",
                              R"({"janus":"error","error":{"code":458,"reason":"no session"}})"},
                    BadAnswer{"TimedOut", R"([{"janus":"timeout","session_id":11}])"}),
    [](const auto &instance) { return instance.param.name; });

TEST_F(Janus, OddEventsAreNoReasonToGiveUp) {
  open_and_wait();
  const auto handle = session->attach("plugin");
  int events = 0;
  handle->on_event([&](const JanusEvent &) { ++events; });
  run_until([&] { return server.seen.back() == "attach"; });
  run_for(milliseconds(50));
  server.event(R"([1, null, [], {"janus":7}, {"janus":"event","sender":"22"},
      {"janus":"event","sender":22,"plugindata":[],"jsep":"no","transaction":{}},
      {"janus":"event","sender":22,"plugindata":{"data":{"publishers":3}}}])");
  EXPECT_TRUE(run_until([&] { return events == 2; }));
  EXPECT_EQ(losses, 0);
}

TEST_F(Janus, AServerThatIsGoneIsLostAfterATime) {
  settings.unreachable_for = milliseconds(400);
  open_and_wait();
  server.stop();
  run_for(milliseconds(150));
  EXPECT_EQ(losses, 0);
  EXPECT_TRUE(run_until([&] { return losses == 1; }));
}

TEST_F(Janus, AConnectionThatBreaksOnceIsNoLoss) {
  settings.unreachable_for = milliseconds(3000);
  open_and_wait();
  server.stop();
  run_for(milliseconds(100));
  server.restart();
  server.poll_query.clear();
  EXPECT_TRUE(run_until([&] { return !server.poll_query.empty(); }));
  EXPECT_EQ(losses, 0);
}

TEST_F(Janus, AServerThatHangsIsLost) {
  settings.poll_within = milliseconds(200);
  open_and_wait();
  EXPECT_TRUE(run_until([&] { return losses == 1; }));
  EXPECT_EQ(lost, "the server does not answer in time");
}

TEST_F(Janus, ASessionMayGoWhenItIsLost) {
  server.silent = {"keepalive"};
  settings.keepalive_every = milliseconds(50);
  settings.answer_within = milliseconds(300);
  settings.url = server.url();
  session = std::make_unique<JanusSession>(
      settings, JanusSession::Events{.up = {}, .lost = [this](const std::string &why) {
                                       lost = why;
                                       session.reset();
                                     }});
  EXPECT_TRUE(run_until([&] { return !session; }));
  EXPECT_EQ(lost, "the server does not answer in time");
}

TEST_F(Janus, SecretsGoWithEveryRequestAndIntoNoMessage) {
  settings.api_secret = "s&cret";
  settings.token = "tok";
  settings.poll_within = milliseconds(200);
  open_and_wait();
  EXPECT_TRUE(run_until([&] { return losses == 1; }));
  EXPECT_NE(server.poll_query.find("apisecret=s%26cret&token=tok"), std::string::npos);
  EXPECT_NE(server.bodies.front().find(R"("apisecret":"s&cret")"), std::string::npos);
  EXPECT_EQ(lost.find("cret"), std::string::npos);
}

TEST_F(Janus, ClosingIsBounded) {
  server.silent = {"destroy"};
  open_and_wait();
  bool closed = false;
  session->close([&] { closed = true; });
  EXPECT_TRUE(run_until([&] { return closed; }));
}

TEST_F(Janus, RefusesWhatIsNoAddress) {
  for (const char *url : {"", "janus", "ftp://host/", "http://", "http:///janus"}) {
    settings.url = url;
    EXPECT_THROW(JanusSession(settings, {}), examples::Failure) << url;
  }
}

}  // namespace
