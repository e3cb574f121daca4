// SPDX-License-Identifier: LGPL-2.1-or-later
// Signalling against a server of this process that behaves and misbehaves like Janus.
#include <gtest/gtest.h>
#include <string.h>

#include "fake_janus.h"
#include "recorder/janus_room.h"

namespace {

using namespace fake;
using namespace recorder;
using std::chrono::milliseconds;

class Janus : public testing::Test {
 protected:
  void open() {
    settings.url = server.url();
    session = std::make_unique<JanusSession>(
        settings, JanusSession::Events{.up = [this] { up = true; },
                                       .lost =
                                           [this](const std::string &why) {
                                             ++losses;
                                             lost = why;
                                           }});
  }
  void open_and_wait() {
    open();
    ASSERT_TRUE(run_until([this] { return up; }));
  }
  JsonObjectPtr body() {
    JsonObjectPtr object(json_object_new());
    json_object_set_string_member(object.get(), "request", "test");
    return object;
  }

  FakeJanus server;
  JanusSession::Settings settings;
  std::unique_ptr<JanusSession> session;
  bool up = false;
  int losses = 0;
  std::string lost;
};

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

// ---- Rooms

class Rooms : public Janus {
 protected:
  void join() {
    JanusRoom::Settings room_settings;
    room_settings.janus = settings;
    room_settings.janus.url = server.url();
    room_settings.janus.unreachable_for = milliseconds(100);
    room_settings.room = JanusId::of("1234");
    room_settings.name = "Recorder";
    room_settings.backoff = Backoff(milliseconds(50), milliseconds(200));
    auto note = [this](const char *what) {
      return [this, what](const Feed &feed) {
        log.push_back(what + feed.identity);
        last = feed;
      };
    };
    room = std::make_unique<JanusRoom>(
        room_settings,
        Room::Events{.joined = [this](milliseconds) { log.push_back("joined"); },
                     .publisher_joined = note("+"),
                     .publisher_changed = note("~"),
                     .publisher_left =
                         [this](const Feed &feed, const std::string &why) {
                           log.push_back("-" + feed.identity + (why == "left" ? "" : " " + why));
                         },
                     .lost =
                         [this](const std::string &why, milliseconds) {
                           log.push_back("lost");
                           lost = why;
                         },
                     .refused =
                         [this](const std::string &why) {
                           log.push_back("refused");
                           lost = why;
                         },
                     .ended = {},
                     .trouble = [this](const std::string &what) { log.push_back(what); },
                     .note = {},
                     .data = {}});
  }
  void answer_join(const std::string &data) {
    server.answers["message"] =
        R"({"janus":"success","transaction":"%T","plugindata":{"data":)" + data + "}}";
  }
  void tell(const std::string &data) {
    server.event(R"([{"janus":"event","sender":22,"plugindata":{"data":)" + data + "}}]");
  }
  bool logged(const std::vector<std::string> &wanted) {
    return run_until([&] { return log.size() >= wanted.size(); }) && log == wanted;
  }

  std::vector<std::string> log;
  Feed last;  // that came or changed
  std::unique_ptr<Room> room;
};

constexpr const char *kJoined = R"({"videoroom":"joined","id":7,"publishers":[
    {"id":1,"display":"alice","streams":[{"type":"video","mid":"0","codec":"vp8"}]},
    {"id":7,"display":"Recorder"}, {"display":"nobody"}, 3]})";

TEST_F(Rooms, FollowsWhoComesAndGoes) {
  answer_join(kJoined);
  join();
  ASSERT_TRUE(logged({"joined", "+alice"}));
  tell(R"({"videoroom":"event","publishers":[{"id":"text","streams":[]},{"id":1,"display":"alice",
      "streams":[{"type":"video","mid":"0","codec":"vp9"}]}]})");
  EXPECT_TRUE(logged({"joined", "+alice", "+text", "~alice"}));
  tell(R"({"videoroom":"event","unpublished":1})");
  tell(R"({"videoroom":"event","leaving":1})");
  tell(R"({"videoroom":"event","leaving":"text"})");
  EXPECT_TRUE(logged({"joined", "+alice", "+text", "~alice", "-alice", "-text"}));
}

std::string publisher(const std::string &id, const std::string &display) {
  return R"({"id":)" + id + R"(,"display":")" + display + R"(","streams":[]})";
}

TEST_F(Rooms, TakesTheIdForANameThatIsTooLong) {
  const std::string longest(512, 'x');
  answer_join(R"({"id":7,"publishers":[)" + publisher("1", longest) + "," +
              publisher("2", longest + "x") + "," + publisher('"' + longest + "x\"", "carol") +
              "]}");
  join();
  EXPECT_TRUE(logged({"joined", "+" + longest, "+2"}));
}

TEST_F(Rooms, FollowsSoManyPublishersAndStreams) {
  std::string all, streams;
  for (int i = 0; i < 203; ++i)
    all += (i ? "," : "") + publisher(std::to_string(100 + i), "");
  answer_join(R"({"id":7,"publishers":[)" + all + "]}");
  join();
  ASSERT_TRUE(run_until([&] { return log.size() >= 202; }));
  run_for(milliseconds(100));
  ASSERT_EQ(log.size(), 202u);
  EXPECT_EQ(log[200], "+299");
  EXPECT_EQ(log[201], "the room has more than 200 publishers: the others are not recorded");
  // Somebody makes room, and those that are known change.
  tell(R"({"videoroom":"event","leaving":100})");
  tell(R"({"videoroom":"event","publishers":[)" + publisher("300", "") + "," +
       publisher("101", "bob") + "]}");
  ASSERT_TRUE(run_until([&] { return log.size() >= 205; }));
  EXPECT_EQ(log[203], "+300");
  EXPECT_EQ(log[204], "~bob");
  for (int i = 0; i < 40; ++i)
    streams += std::string(i ? "," : "") + R"({"type":"video","mid":")" + std::to_string(i) + "\"}";
  tell(R"({"videoroom":"event","publishers":[{"id":102,"display":"dan","streams":[)" + streams +
       "]}]}");
  ASSERT_TRUE(run_until([&] { return log.size() >= 206; }));
  EXPECT_EQ(last.streams.size(), 16u);
}

TEST_F(Rooms, AWrongPinIsFinal) {
  answer_join(R"({"error_code":433,"error":"Unauthorized"})");
  join();
  ASSERT_TRUE(logged({"refused"}));
  EXPECT_EQ(lost, "the room 1234 refuses the PIN (Unauthorized)");
  run_for(milliseconds(300));
  EXPECT_EQ(log.size(), 1u);
}

TEST_F(Rooms, ARoomMayComeLater) {
  answer_join(R"({"error_code":426,"error":"No such room"})");
  join();
  ASSERT_TRUE(logged({"lost"}));
  EXPECT_EQ(lost, "the room 1234 does not exist");
  answer_join(kJoined);
  EXPECT_TRUE(run_until([&] { return log.back() == "+alice"; }));
}

TEST_F(Rooms, JoinsAgainWhateverIsSaidLater) {
  answer_join(kJoined);
  join();
  ASSERT_TRUE(logged({"joined", "+alice"}));
  answer_join(R"({"error_code":426,"error":"No such room"})");
  tell(R"({"videoroom":"destroyed","room":1234})");
  ASSERT_TRUE(logged({"joined", "+alice", "-alice sfu-lost", "lost", "lost"}));
  answer_join(kJoined);
  EXPECT_TRUE(run_until([&] { return log.back() == "+alice"; }));
}

TEST_F(Rooms, ComesBackAfterTheServer) {
  answer_join(kJoined);
  join();
  ASSERT_TRUE(logged({"joined", "+alice"}));
  server.stop();
  ASSERT_TRUE(run_until([&] { return log.back() == "lost"; }));
  server.restart();
  EXPECT_TRUE(run_until([&] { return log.back() == "+alice" && log.size() > 4; }));
}

TEST_F(Rooms, OnlyAServerThatWasReachedIsLost) {
  const std::string address = server.url().substr(strlen("http://"));
  const std::string unreached = "cannot reach " + address.substr(0, address.find('/')) + ": ";
  server.stop();
  join();
  ASSERT_TRUE(logged({"lost"}));
  EXPECT_EQ(lost.rfind(unreached, 0), 0U) << lost;
  server.restart();
  answer_join(kJoined);
  ASSERT_TRUE(run_until([&] { return log.back() == "+alice"; }));
  server.stop();
  ASSERT_TRUE(run_until([&] { return log.back() == "lost"; }));
  EXPECT_EQ(lost.rfind("the SFU is lost: ", 0), 0U) << lost;
  const std::size_t before = log.size();
  ASSERT_TRUE(run_until([&] { return log.size() > before; }));
  EXPECT_EQ(lost.rfind(unreached, 0), 0U) << lost;
}

TEST_F(Rooms, NothingIsLeftOfARoomThatIsGone) {
  answer_join(kJoined);
  join();
  ASSERT_TRUE(logged({"joined", "+alice"}));
  server.stop();
  room.reset();
  run_for(milliseconds(300));
  EXPECT_EQ(log.size(), 2u);
}

TEST(BackoffTest, DoublesUpToItsEnd) {
  Backoff backoff;
  for (const int expected : {1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
    const auto wait = backoff.next().count();
    EXPECT_GE(wait, expected * 0.79);
    EXPECT_LE(wait, expected * 1.21);
  }
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 1210);
}

}  // namespace
