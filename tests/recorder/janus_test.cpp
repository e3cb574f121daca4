// SPDX-License-Identifier: LGPL-2.1-or-later
// Signalling against a server of this process that behaves and misbehaves like Janus.
#include <gtest/gtest.h>
#include <libsoup/soup.h>

#include <deque>

#include "recorder/room.h"

namespace {

using namespace recorder;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};

bool run_until(const std::function<bool()> &condition, milliseconds limit = kPatience) {
  const gint64 end = g_get_monotonic_time() + limit.count() * 1000;
  Timer wake;
  std::function<void()> again = [&] { wake.start(milliseconds(10), again); };
  again();
  while (!condition() && g_get_monotonic_time() < end)
    g_main_context_iteration(nullptr, TRUE);
  return condition();
}

void run_for(milliseconds time) {
  run_until([] { return false; }, time);
}

/// Answers POSTs by kind of message; holds long polls until there is an event.
class FakeJanus {
 public:
  FakeJanus() { start(0); }
  ~FakeJanus() { stop(); }

  void start(guint port) {
    server_.reset(SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, nullptr)));
    soup_server_add_handler(server_.get(), nullptr, &FakeJanus::on_request, this, nullptr);
    soup_server_listen_local(server_.get(), port, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr);
    GSList *uris = soup_server_get_uris(server_.get());
    port_ = static_cast<guint>(g_uri_get_port(static_cast<GUri *>(uris->data)));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  }
  void stop() {
    polls_.clear();
    server_.reset();
  }
  void restart() { start(port_); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/janus"; }

  void event(const std::string &json) {
    events_.push_back(json);
    deliver();
  }

  std::map<std::string, std::string> answers{
      {"create", R"({"janus":"success","transaction":"%T","data":{"id":11}})"},
      {"attach", R"({"janus":"success","transaction":"%T","data":{"id":22}})"},
      {"message", R"({"janus":"ack","transaction":"%T"})"},
      {"trickle", R"({"janus":"ack","transaction":"%T"})"},
      {"keepalive", R"({"janus":"ack","transaction":"%T"})"},
      {"detach", R"({"janus":"success","transaction":"%T"})"},
      {"destroy", R"({"janus":"success","transaction":"%T"})"}};
  std::set<std::string> silent;  // kinds that are never answered
  std::vector<std::string> seen;
  std::vector<std::string> bodies;
  std::string last_transaction;
  std::string poll_query;
  std::function<void(const std::string &kind)> on_message;

 private:
  static void on_request(SoupServer *, SoupServerMessage *message, const char *, GHashTable *,
                         gpointer self) {
    static_cast<FakeJanus *>(self)->take(message);
  }

  static void reply(SoupServerMessage *message, const std::string &text) {
    soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, text.data(),
                                     text.size());
  }

  void take(SoupServerMessage *message) {
    if (std::string(soup_server_message_get_method(message)) == "GET") {
      const char *query = g_uri_get_query(soup_server_message_get_uri(message));
      poll_query = query ? query : "";
      soup_server_message_pause(message);
      polls_.emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)));
      return deliver();
    }
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    const std::string text(body->data, static_cast<size_t>(body->length));
    std::string why;
    const JsonNodePtr node = parse_json(text, why);
    JsonObject *object = json_node_get_object(node.get());
    const std::string kind = member_text(object, "janus").value_or("");
    last_transaction = member_text(object, "transaction").value_or("");
    seen.push_back(kind);
    bodies.push_back(text);
    if (silent.contains(kind)) {
      soup_server_message_pause(message);
      polls_hung_.emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)));
      return;
    }
    std::string answer = answers[kind];
    if (const auto at = answer.find("%T"); at != std::string::npos)
      answer.replace(at, 2, last_transaction);
    reply(message, answer);
    if (on_message)
      on_message(kind);
  }

  void deliver() {
    if (polls_.empty() || events_.empty())
      return;
    const auto poll = std::move(polls_.back());
    polls_.clear();
    reply(poll.get(), events_.front());
    events_.pop_front();
    soup_server_message_unpause(poll.get());
  }

  guint port_ = 0;
  examples::ObjectPtr<SoupServer> server_;
  std::deque<std::string> events_;
  std::vector<examples::ObjectPtr<SoupServerMessage>> polls_, polls_hung_;
};

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
    Room::Settings room_settings;
    room_settings.janus = settings;
    room_settings.janus.url = server.url();
    room_settings.janus.unreachable_for = milliseconds(100);
    room_settings.room = JanusId::of("1234");
    room_settings.name = "Recorder";
    room_settings.backoff = Backoff(milliseconds(50), milliseconds(200));
    auto note = [this](const char *what) {
      return [this, what](const Feed &feed) { log.push_back(what + feed.identity); };
    };
    room = std::make_unique<Room>(room_settings,
                                  Room::Events{.joined = [this] { log.push_back("joined"); },
                                               .publisher_joined = note("+"),
                                               .publisher_changed = note("~"),
                                               .publisher_left = note("-"),
                                               .lost =
                                                   [this](const std::string &why, milliseconds) {
                                                     log.push_back("lost");
                                                     lost = why;
                                                   },
                                               .refused =
                                                   [this](const std::string &why) {
                                                     log.push_back("refused");
                                                     lost = why;
                                                   }});
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

TEST_F(Rooms, AWrongRoomAtFirstIsFinal) {
  answer_join(R"({"error_code":426,"error":"No such room"})");
  join();
  ASSERT_TRUE(logged({"refused"}));
  EXPECT_EQ(lost, "the room 1234 does not exist");
  run_for(milliseconds(300));
  EXPECT_EQ(log.size(), 1u);
}

TEST_F(Rooms, JoinsAgainWhateverIsSaidLater) {
  answer_join(kJoined);
  join();
  ASSERT_TRUE(logged({"joined", "+alice"}));
  answer_join(R"({"error_code":426,"error":"No such room"})");
  tell(R"({"videoroom":"destroyed","room":1234})");
  ASSERT_TRUE(logged({"joined", "+alice", "-alice", "lost", "lost"}));
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
