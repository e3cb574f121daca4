/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How often bad frames are searched for, and which keys are tried without a search.
#include <dlfcn.h>
#include <openssl/evp.h>

#include <atomic>

#include "core/budget.h"
#include "helpers.h"
#include "support/nalunits.h"

namespace {
std::atomic<unsigned> ciphers_finished{0};
}  // namespace

// In OpenSSL's place: each AES-GCM seal or open ends with it, whether the tag verifies or not.
extern "C" int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *size) {
  static const auto finish =
      reinterpret_cast<decltype(&EVP_CipherFinal_ex)>(dlsym(RTLD_NEXT, "EVP_CipherFinal_ex"));
  ++ciphers_finished;
  return finish(context, out, size);
}

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
      budget.take(tolerance);
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

TEST(SearchBudget, R21_ASecondWithoutABadFrameEndsTheBackingOff) {
  SearchBudget budget;
  bad_frames(budget, 100, 4);
  EXPECT_FALSE(budget.allows(4));
  budget.succeeded();
  EXPECT_EQ(budget.failures(), 0U);
  EXPECT_FALSE(budget.allows(4)) << "a good frame alone, which may be a replayed one";
  Clock::advance_for_tests(milliseconds(1100));
  budget.succeeded();
  EXPECT_EQ(bad_frames(budget, 5, 4), 5U);
}

TEST(SearchBudget, R21_ReplayedFramesDoNotEndTheBackingOff) {
  SearchBudget budget;
  bad_frames(budget, 100, 4);
  unsigned searches = 0;
  for (unsigned second = 0; second < 5; ++second) {
    for (unsigned i = 0; i < 100; ++i) {
      Clock::advance_for_tests(milliseconds(10));
      budget.succeeded();
      searches += bad_frames(budget, 1, 4);
    }
  }
  expect_about(searches, 5, "one a second");
}

// Whoever can replay good frames between forged ones gets no more searches for that.
TEST(SearchBudget, R21_ASuccessBringsNoToken) {
  SearchBudget budget;
  const auto searches = [&](unsigned count, int tolerance) {
    unsigned sum = 0;
    for (unsigned i = 0; i < count; ++i) {
      sum += bad_frames(budget, 1, tolerance);
      budget.succeeded();
    }
    return sum;
  };
  expect_about(searches(10000, kNever), 50, "after a rest");
  Clock::advance_for_tests(seconds(1));
  budget.succeeded();
  expect_about(searches(10000, 4), 6,
               "a second later, within the tolerance and one of this second");
  EXPECT_FALSE(budget.allows(4)) << "the first one after a success too";
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
      frames.push_back(seal(sealer, slot.keys.front(), opus(), FrameType::delta, plain).frame);
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

// ---- what a forged frame costs ------------------------------------------------------------------

namespace {

struct Attack {
  const char *name;
  const CodecRule &codec;
  Bytes plain;
  double most;  // AEAD opens for a forged frame
};

std::vector<Attack> attacks() {
  const Bytes delimiter{9, 0xf0}, sps{0x67, 0x42, 0xc0, 0x0c, 0x8c, 0x8d, 0x40}, pps{0x68, 0x04};
  const Bytes slice = join({{0x65, 0x88}, noise(80)});
  return {{"VP8", vp8(), vp8_frame(FrameType::delta, 80), 3},
          {"VP9", vp9(), noise(80), 3},
          {"a slice", h264(), nal::stream_of({join({{0x41, 0x9a}, noise(80)})}), 6},
          {"sets and a slice", h264(), nal::stream_of({delimiter, sps, pps, slice}), 6},
          {"sets twice", h264(), nal::stream_of({sps, pps, delimiter, sps, pps, slice}), 6}};
}

/// Eight generations in their grace time and eight to come.
KeyRing ring_amid_a_ratchet() {
  KeyRing ring;
  KeySlot &slot = ring.slot(0);
  for (std::uint64_t generation = 0; generation < 16; ++generation) {
    const KeyRef key = key_from(livekit(), Bytes(32, 7), 0, generation);
    if (generation < 8)
      slot.keys.insert(slot.keys.begin(), key);
    else
      slot.ahead.push_back(key);
  }
  return ring;
}

}  // namespace

// A late stream is where it is, at the next generation or at the present one.
TEST(ForgedFrames, R21_CostOneOpenMoreAmongReplayedOnesOfALateGeneration) {
  constexpr unsigned kFrames = 5000;
  const KeyRing ring = ring_amid_a_ratchet();
  Sealer sealer(livekit());
  Opener opener(livekit());
  const Bytes plain = vp8_frame(FrameType::delta, 80);
  const Bytes good = seal(sealer, ring.find(0)->keys[4], vp8(), FrameType::delta, plain).frame;
  Bytes forged = good;
  forged[forged.size() - 20] ^= 1;
  unsigned opens = 0;
  for (unsigned i = 0; i < kFrames; ++i) {
    ASSERT_EQ(open(opener, ring, vp8(), good, Place::in_place).reason, Reason::ok);
    const unsigned before = ciphers_finished;
    ASSERT_EQ(open(opener, ring, vp8(), forged, Place::in_place).reason, Reason::auth_failed);
    opens += ciphers_finished - before;
  }
  EXPECT_LT(static_cast<double>(opens) / kFrames, 4);
}

TEST(ForgedFrames, R21_CostFewOpensAlsoWhenEachFollowsAReplayedOne) {
  constexpr unsigned kFrames = 5000;  // beyond what a rest has saved up
  const KeyRing ring = ring_amid_a_ratchet();
  for (const auto &[name, codec, plain, most] : attacks()) {
    for (const Place place : {Place::in_place, Place::apart}) {
      Sealer sealer(livekit());
      Opener opener(livekit());
      const Bytes good =
          seal(sealer, ring.find(0)->keys.front(), codec, codec.frame_type(plain), plain).frame;
      Bytes forged = good;
      forged[forged.size() - 20] ^= 1;
      unsigned opens = 0;
      for (unsigned i = 0; i < kFrames; ++i) {
        ASSERT_EQ(open(opener, ring, codec, good, place).reason, Reason::ok) << name;
        const unsigned before = ciphers_finished;
        ASSERT_EQ(open(opener, ring, codec, forged, place).reason, Reason::auth_failed) << name;
        opens += ciphers_finished - before;
      }
      EXPECT_LT(static_cast<double>(opens) / kFrames, most) << name;
    }
  }
}

}  // namespace e2ee::test
