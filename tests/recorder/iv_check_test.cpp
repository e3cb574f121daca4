// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cstring>

#include "recorder/ivcheck.h"
#include "recorder/unseal.h"

namespace {

using recorder::IvCheck;
using Bytes = std::vector<std::uint8_t>;

Bytes iv_of(std::uint64_t number) {
  Bytes iv(12);
  std::memcpy(iv.data(), &number, sizeof number);
  return iv;
}

TEST(RecorderIvCheck, TellsReplaysFromIvsThatWereUsedTwice) {
  IvCheck check;
  const Bytes frame{1, 2, 3}, other{1, 2, 4};
  using Verdict = IvCheck::Verdict;
  EXPECT_EQ(check.add("0", iv_of(1), frame, {10, 0, 0, false}), Verdict::kNew);
  EXPECT_EQ(check.add("0", iv_of(2), frame, {20, 0, 0, false}), Verdict::kNew);
  EXPECT_EQ(check.add("1", iv_of(1), frame, {30, 0, 1, false}), Verdict::kNew);  // another key
  EXPECT_EQ(check.add("0", iv_of(1), frame, {40, 0, 0, false}), Verdict::kReplay);
  EXPECT_EQ(check.add("0", iv_of(1), other, {50, 1, 0, false}), Verdict::kReused);
  EXPECT_EQ(check.replays(), 1u);
  EXPECT_EQ(check.reused(), 1u);
  ASSERT_EQ(check.first_ones().size(), 2u);
  EXPECT_EQ(check.first_ones()[0].time_ns, 40);
  EXPECT_TRUE(check.first_ones()[0].replay);
  EXPECT_EQ(check.first_ones()[1].time_ns, 50);
  EXPECT_EQ(check.first_ones()[1].track, 1u);
  EXPECT_FALSE(check.first_ones()[1].replay);
}

TEST(RecorderIvCheck, TellsOnlyReplaysOfFramesThatDidNotOpen) {
  IvCheck check;
  const Bytes frame{1, 2, 3}, other{1, 2, 4};
  using Verdict = IvCheck::Verdict;
  EXPECT_EQ(check.add("0/0/0", iv_of(1), frame, {}), Verdict::kNew);
  EXPECT_EQ(check.add_closed(frame, {10, 0, 0, false}), Verdict::kNew);
  EXPECT_EQ(check.add_closed(other, {20, 0, 0, false}), Verdict::kNew);
  EXPECT_EQ(check.add_closed(frame, {30, 0, 0, false}), Verdict::kReplay);
  EXPECT_EQ(check.replays(), 1u);
  EXPECT_EQ(check.reused(), 0u);
}

TEST(RecorderIvCheck, RemembersAll) {
  constexpr std::uint64_t kMany = 100'000;
  IvCheck check;
  for (std::uint64_t i = 0; i < kMany; ++i)
    ASSERT_EQ(check.add("0", iv_of(i), iv_of(i), {}), IvCheck::Verdict::kNew);
  for (std::uint64_t i = 0; i < kMany; i += 97)
    ASSERT_EQ(check.add("0", iv_of(i), iv_of(i), {}), IvCheck::Verdict::kReplay);
}

// Three layers a picture: of a time each, as the merger sees them.
TEST(RecorderUnsealReport, CountsPicturesOfVp9ThatAreNotInTheFile) {
  recorder::TrackReport track;
  track.codec = "vp9";
  track.has_layers = true;
  for (const std::int64_t time : {0, 0, 0, 33, 33, 33, 20, 20, 33, -1, -1}) {
    ++track.read;
    ++track.opened;
    track.count_due(time);
  }
  EXPECT_EQ(track.due, 6u);
  recorder::UnsealReport report;
  for (const std::uint64_t written : {7, 6, 4}) {
    track.written = written;
    report.tracks = {track};
    EXPECT_EQ(track.lost(), written < 6 ? 6 - written : 0);
    EXPECT_EQ(report.whole(), written >= 6);
  }
  recorder::TrackReport sound;
  sound.codec = "opus";
  for (int i = 0; i < 3; ++i)
    sound.count_due(0);
  EXPECT_EQ(sound.lost(), 3u);
}

}  // namespace
