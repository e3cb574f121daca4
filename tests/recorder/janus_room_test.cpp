// SPDX-License-Identifier: LGPL-2.1-or-later
// Rooms at a server of this process that behaves and misbehaves like Janus.
#include <gtest/gtest.h>

#include "janus_fixture.h"

namespace {

using namespace fake;
using namespace recorder;
using std::chrono::milliseconds;

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
