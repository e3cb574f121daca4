// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cstring>

#include "recorder/ivcheck.h"

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

TEST(RecorderIvCheck, RemembersAll) {
  constexpr std::uint64_t kMany = 100'000;
  IvCheck check;
  for (std::uint64_t i = 0; i < kMany; ++i)
    ASSERT_EQ(check.add("0", iv_of(i), iv_of(i), {}), IvCheck::Verdict::kNew);
  for (std::uint64_t i = 0; i < kMany; i += 97)
    ASSERT_EQ(check.add("0", iv_of(i), iv_of(i), {}), IvCheck::Verdict::kReplay);
}

}  // namespace
