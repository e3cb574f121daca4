/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How often bad frames are searched for, and which keys are tried without a search.
#include "core/budget.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kNever = -1;

// The real clock goes on while a test runs, and so may ration it one more.
void expect_about(unsigned searches, unsigned expected, const char *what) {
  EXPECT_GE(searches, expected) << what;
  EXPECT_LE(searches, expected + expected / 10 + 1) << what;
}

/// Bad frames, as a decryptor asks for each. The number of searches.
unsigned bad_frames(SearchBudget &budget, unsigned count, int tolerance) {
  unsigned searches = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (budget.allows(tolerance)) {
      budget.take();
      ++searches;
    }
    budget.failed();
  }
  return searches;
}

}  // namespace

TEST(SearchBudget, R9_FiftyAtOnceAndFiftyASecond) {
  SearchBudget budget;
  expect_about(bad_frames(budget, 10000, kNever), 50, "after a rest");
  Clock::advance_for_tests(seconds(1));
  expect_about(bad_frames(budget, 10000, kNever), 50, "a second later");
  Clock::advance_for_tests(milliseconds(200));
  expect_about(bad_frames(budget, 10000, kNever), 10, "a fifth of that later");
  Clock::advance_for_tests(seconds(3600));
  expect_about(bad_frames(budget, 10000, kNever), 50, "no more, however long the rest");
}

TEST(SearchBudget, R9_BeyondTheToleranceOneASecond) {
  for (int tolerance : {0, 4, 20}) {
    SearchBudget budget;
    const auto within = static_cast<unsigned>(tolerance) + 1;
    EXPECT_EQ(bad_frames(budget, within, tolerance), within);
    EXPECT_EQ(budget.failures(), within);
    EXPECT_EQ(bad_frames(budget, 1, tolerance), 1U) << "the one of this second";
    expect_about(bad_frames(budget, 1000, tolerance), 0, "what was saved up is gone");
    for (unsigned second = 0; second < 5; ++second) {
      Clock::advance_for_tests(seconds(1));
      expect_about(bad_frames(budget, 1000, tolerance), 1, "each second");
    }
    Clock::advance_for_tests(seconds(60));
    expect_about(bad_frames(budget, 1000, tolerance), 1, "not saved up either");
  }
}

TEST(SearchBudget, R9_AGoodFrameEndsTheBackingOff) {
  SearchBudget budget;
  bad_frames(budget, 100, 4);
  EXPECT_FALSE(budget.allows(4));
  budget.succeeded();
  EXPECT_EQ(budget.failures(), 0U);
  EXPECT_TRUE(budget.allows(4)) << "of the frame right after a good one";
  Clock::advance_for_tests(seconds(1));
  EXPECT_EQ(bad_frames(budget, 5, 4), 5U);
}

// Good frames between forged ones let each of these have a search; that is paid for afterwards.
TEST(SearchBudget, R9_SearchesRightAfterGoodFramesCountToo) {
  SearchBudget budget;
  bad_frames(budget, 2, kNever);  // its clock runs from the second on
  for (unsigned i = 0; i < 1000; ++i) {
    budget.succeeded();
    EXPECT_TRUE(budget.allows(kNever));
    budget.take();
    budget.failed();
  }
  EXPECT_FALSE(budget.allows(kNever));
  Clock::advance_for_tests(seconds(3));
  EXPECT_TRUE(budget.allows(kNever)) << "the debt is bounded";
}

// ---- earlier generations ------------------------------------------------------------------------

namespace {

/// Generations 0 to 7 of a key, the last of them the present one, and a frame of each.
struct Stepped {
  Stepped() {
    KeySlot &slot = ring.slot(0);
    for (std::uint64_t generation = 0; generation < 8; ++generation) {
      slot.keys.insert(slot.keys.begin(), key_from(livekit(), Bytes(32, 7), 0, generation));
      Sealer sealer(livekit());
      frames.push_back(seal(sealer, slot.keys.front(), opus(), FrameType::audio, plain).frame);
    }
    forged = frames[7];
    forged[20] ^= 1;
  }
  bool opens(const Bytes &frame, Place place = Place::in_place) {
    const Outcome outcome = open(opener, ring, opus(), frame, place);
    EXPECT_TRUE(outcome.reason == Reason::ok ? outcome.plaintext() == plain
                                             : outcome.reason == Reason::auth_failed);
    return outcome.reason == Reason::ok;
  }
  void flood(unsigned count = 1000) {
    for (unsigned i = 0; i < count; ++i)
      EXPECT_FALSE(opens(forged));
  }

  const Bytes plain = noise(60);
  KeyRing ring;
  std::vector<Bytes> frames;
  Bytes forged;
  Opener opener{livekit()};
};

}  // namespace

TEST(EarlierGenerations, AllOpenInAnyOrder) {
  Stepped stepped;
  for (const Place place : {Place::in_place, Place::apart}) {
    for (unsigned i : {0, 7, 3, 6, 1, 0, 5, 2, 7, 4})
      EXPECT_TRUE(stepped.opens(stepped.frames[i], place)) << i;
  }
}

TEST(EarlierGenerations, R9_TheOneBeforePassesAmongForgedFrames) {
  Stepped stepped;
  for (unsigned i : {7, 6, 7, 7, 6}) {
    stepped.flood();
    EXPECT_TRUE(stepped.opens(stepped.frames[i])) << i;
  }
  stepped.flood();
  EXPECT_TRUE(stepped.opens(stepped.frames[7]));
}

TEST(EarlierGenerations, R9_ALateStreamPassesAmongForgedFrames) {
  Stepped stepped;
  EXPECT_TRUE(stepped.opens(stepped.frames[0]));
  for (unsigned i : {0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7}) {
    stepped.flood();
    EXPECT_TRUE(stepped.opens(stepped.frames[i])) << i;
  }
  stepped.flood(1);
  EXPECT_TRUE(stepped.opens(stepped.frames[7])) << "the present one always does";
}

// What forged frames cost: with hundreds of them, others than the likely ones are not tried.
TEST(EarlierGenerations, R9_TheOthersAreRationed) {
  Stepped stepped;
  EXPECT_TRUE(stepped.opens(stepped.frames[7]));
  stepped.flood();
  EXPECT_FALSE(stepped.opens(stepped.frames[2]));
  Clock::advance_for_tests(seconds(1));
  EXPECT_TRUE(stepped.opens(stepped.frames[2]));
}

TEST(EarlierGenerations, R9_WithFailureToleranceOneSearchASecond) {
  Stepped stepped;
  stepped.ring.failure_tolerance = 4;
  EXPECT_TRUE(stepped.opens(stepped.frames[7]));
  stepped.flood(10);
  EXPECT_FALSE(stepped.opens(stepped.frames[2]));
  EXPECT_TRUE(stepped.opens(stepped.frames[6]));
}

}  // namespace e2ee::test
