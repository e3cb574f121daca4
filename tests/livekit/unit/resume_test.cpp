// SPDX-License-Identifier: LGPL-2.1-or-later
// A session that is lost goes on where media does, or gives way to a new one.
#include "place.h"

namespace {

using namespace fake;

class Resuming : public LiveKitPlace {
 protected:
  void SetUp() override {
    settings_.can_resume = [this] { return media_goes_on_; };
    enter();
    ASSERT_TRUE(logged({"joined"}));
  }
  bool media_goes_on_ = true;
};

TEST_F(Resuming, WhereMediaGoesOn) {
  server_.on_open = [this] { server_.send_reconnect(); };
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "resumed"}));
  EXPECT_TRUE(resumes(server_.queries.back())) << server_.queries.back();
  EXPECT_GE(gap_, waits_.front());
  server_.leave(wire::ROOM_CLOSED);
  EXPECT_TRUE(logged({"joined", "lost", "resumed", "ended"}));
}

TEST_F(Resuming, WhenTheServerAsksForIt) {
  server_.on_open = [this] { server_.send_reconnect(); };
  server_.leave(wire::REASON_UNKNOWN, wire::Leave::RESUME);
  ASSERT_TRUE(logged({"joined", "lost", "resumed"}));
  EXPECT_TRUE(resumes(server_.queries.back()));
}

TEST_F(Resuming, NotWhereMediaIsGone) {
  media_goes_on_ = false;
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
  EXPECT_FALSE(resumes(server_.queries.back()));
}

TEST_F(Resuming, GivesWayToANewSessionWhereTheServerKnowsNothing) {
  server_.on_open = [this] {
    if (resumes(server_.queries.back()))
      server_.leave(wire::STATE_MISMATCH, wire::Leave::RECONNECT);
    else
      server_.send_join();
  };
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "lost", "joined"}));
  EXPECT_FALSE(resumes(server_.queries.back()));
  EXPECT_EQ(waits_.back(), 0ms);
  EXPECT_GE(gap_, waits_.front());
}

TEST_F(Resuming, GivesWayToANewSessionWhereItIsRefused) {
  server_.refuse = 401;
  server_.drop();
  ASSERT_TRUE(logged({"joined", "lost", "lost"}));
  server_.refuse = 0;
  ASSERT_TRUE(run_until([this] { return log_.back() == "joined"; }));
  EXPECT_FALSE(resumes(server_.queries.back()));
}

TEST_F(Resuming, MayBeANewSessionAfterAll) {
  server_.drop();  // the server answers with a join
  ASSERT_TRUE(logged({"joined", "lost", "joined"}));
  server_.drop();
  ASSERT_TRUE(run_until([this] { return waits_.size() == 2; }));
  EXPECT_GE(waits_.back(), 40ms);
}

TEST_F(Resuming, WaitsLongerEachTimeForAServerThatIsGone) {
  server_.stop();
  ASSERT_TRUE(run_until([this] { return waits_.size() >= 5; }));
  EXPECT_GE(waits_.back(), 150ms);
  server_.on_open = [this] { server_.send_reconnect(); };
  server_.restart();
  EXPECT_TRUE(run_until([this] { return log_.back() == "resumed"; }));
}

TEST_F(Resuming, IsNotTriedAnyMoreOnceMediaFailed) {
  server_.stop();
  ASSERT_TRUE(logged({"joined", "lost", "lost"}));
  room_->join_anew("the connection for media failed");
  server_.restart();
  ASSERT_TRUE(run_until([this] { return log_.back() == "joined"; }));
  EXPECT_FALSE(resumes(server_.queries.back()));
}

}  // namespace
