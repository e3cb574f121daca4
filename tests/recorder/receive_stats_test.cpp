// SPDX-License-Identifier: LGPL-2.1-or-later
// What is told of frames that were not given on.
#include "recorder/receive_stats.h"

#include <gtest/gtest.h>

#include <map>

namespace {

using namespace recorder;
using namespace std::chrono_literals;

ReceiveStats figures(std::uint64_t arrived, std::uint64_t dropped, std::uint64_t held = 0,
                     std::uint64_t left_out = 0) {
  ReceiveStats stats;
  stats.tracks.push_back({Media::kVideo, "vp8", arrived, held, dropped});
  stats.frames_left_out = left_out;
  return stats;
}

TEST(WithdrawnFrames, AreThoseOfTheWithdrawalAlone) {
  WithdrawnFrames withdrawn;
  EXPECT_EQ(withdrawn.missed(figures(50, 7)), 0U);
  withdrawn.begin(figures(100, 10));
  EXPECT_EQ(withdrawn.missed(figures(110, 15)), 5U);
  withdrawn.end(figures(130, 30, 0, 2));
  EXPECT_EQ(withdrawn.missed(figures(130, 30, 0, 2)), 22U);
  EXPECT_EQ(withdrawn.missed(figures(200, 41, 0, 2)), 22U);
  withdrawn.begin(figures(200, 41, 0, 2));
  EXPECT_EQ(withdrawn.missed(figures(210, 45, 0, 2)), 26U);
}

TEST(WithdrawnFrames, AreThoseThatWaitedForTheirKeyAtItsEnd) {
  WithdrawnFrames withdrawn;
  withdrawn.begin(figures(100, 0));
  withdrawn.end(figures(130, 10, 20));
  EXPECT_TRUE(withdrawn.is_settling());
  withdrawn.settle(figures(150, 15, 35));  // 5 of the 20 went
  EXPECT_TRUE(withdrawn.is_settling());
  withdrawn.settle(figures(160, 25, 20));  // now all of them
  EXPECT_FALSE(withdrawn.is_settling());
  EXPECT_EQ(withdrawn.missed(figures(160, 25, 20)), 25U);
  EXPECT_EQ(withdrawn.missed(figures(200, 65)), 25U);
}

TEST(WithdrawnFrames, AreNoMoreThanWaited) {
  WithdrawnFrames withdrawn;
  withdrawn.begin(figures(100, 0));
  withdrawn.end(figures(130, 10, 20));
  EXPECT_EQ(withdrawn.missed(figures(200, 60)), 30U);
  withdrawn.settle(figures(200, 60));
  EXPECT_EQ(withdrawn.missed(figures(300, 100)), 30U);
}

TEST(ReceiveStats, AddUp) {
  ReceiveStats stats = figures(10, 1, 2, 3);
  stats += figures(20, 2, 3, 4);
  ASSERT_EQ(stats.tracks.size(), 1U);
  EXPECT_EQ(stats.tracks[0].frames_arrived, 30U);
  EXPECT_EQ(stats.tracks[0].frames_held, 5U);
  EXPECT_EQ(frames_missed(stats), 10U);
}

TEST(StateNotes, HoldEveryFrame) {
  std::map<std::string, std::uint64_t> noted;
  std::vector<std::string> changes;
  StateNotes notes([&](const std::string &state, std::uint64_t frames, bool is_new) {
    noted[state] += frames;
    if (is_new)
      changes.push_back(state);
  });
  StateNotes::Clock::time_point now{};
  notes.add("missing-key", 1, now);
  EXPECT_EQ(noted["missing-key"], 1U);
  notes.add("missing-key", 20, now += 5s);
  EXPECT_EQ(noted["missing-key"], 1U);
  notes.add("ok", 1, now += 1s);
  EXPECT_EQ(noted["missing-key"], 21U);
  notes.add("ok", 30, now += 11s);
  EXPECT_EQ(noted["ok"], 31U);
  notes.add("ok", 3, now += 1s);
  EXPECT_EQ(noted["ok"], 31U);
  notes.note_rest();
  EXPECT_EQ(noted["ok"], 34U);
  notes.note_rest();
  EXPECT_EQ(noted["ok"], 34U);
  EXPECT_EQ(changes, (std::vector<std::string>{"missing-key", "ok"}));
}

}  // namespace
