/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The duplicate filter, and which ciphers outlive a change of keys.
#include "core/replay.h"

#include "helpers.h"

namespace e2ee::test {

namespace {

Iv numbered(unsigned n) {
  Iv iv{};
  IvSource::advance(iv, n);
  return iv;
}

class Replay : public testing::Test {
 protected:
  Bytes sealed(std::uint32_t seed) {
    return seal(sealer_, key_, opus(), FrameType::delta, noise(40, seed)).frame;
  }
  Outcome opened(const Bytes &frame, Place place = Place::in_place) {
    return open(opener_, ring_, opus(), frame, place);
  }

  Sealer sealer_{livekit()};
  Opener opener_{livekit()};
  KeyRef key_ = raw_key(1);
  KeyRing ring_ = ring_of({key_});
};

}  // namespace

TEST(ReplayFilter, KnowsTheLastOnes) {
  ReplayFilter filter(4);
  for (unsigned n = 0; n < 4; ++n)
    EXPECT_TRUE(filter.accept(numbered(n)));
  for (unsigned n = 0; n < 4; ++n)
    EXPECT_FALSE(filter.accept(numbered(n))) << n;
  // A refused one does not push any other out.
  EXPECT_TRUE(filter.accept(numbered(4)));
  EXPECT_FALSE(filter.accept(numbered(1)));
  EXPECT_TRUE(filter.accept(numbered(0))) << "older than the window";
}

TEST(ReplayFilter, OffTakesAll) {
  ReplayFilter filter;
  EXPECT_TRUE(filter.accept(numbered(1)));
  EXPECT_TRUE(filter.accept(numbered(1)));
}

TEST_F(Replay, OffByDefault) {
  const Bytes frame = sealed(1);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
}

TEST_F(Replay, DuplicatesAreRefusedAndWiped) {
  opener_.set_replay_window(8);
  const Bytes frame = sealed(1);
  const std::uint64_t before = key_->usage->frames();
  ASSERT_EQ(opened(frame).reason, Reason::ok);
  for (Place place : {Place::in_place, Place::apart}) {
    const Outcome again = opened(frame, place);
    EXPECT_EQ(again.reason, Reason::replayed);
    EXPECT_EQ(again.opened.size, 0U);
    for (std::size_t i = 1; i + 30 < frame.size(); ++i)
      ASSERT_EQ(again.memory[i], 0) << "the plaintext is left in the output";
  }
  EXPECT_EQ(key_->usage->frames(), before + 1);
}

TEST_F(Replay, ReorderedFramesPass) {
  opener_.set_replay_window(8);
  std::vector<Bytes> frames;
  for (std::uint32_t seed = 0; seed < 40; ++seed)
    frames.push_back(sealed(seed));
  for (std::size_t i = 0; i < frames.size(); i += 4) {
    for (std::size_t k : {2, 0, 3, 1})
      EXPECT_EQ(opened(frames[i + k]).reason, Reason::ok);
    for (std::size_t k : {2, 0, 3, 1})
      EXPECT_EQ(opened(frames[i + k]).reason, Reason::replayed);
  }
}

// A forged frame with the IV of one to come must not have that one refused.
TEST_F(Replay, OnlyVerifiedFramesCount) {
  opener_.set_replay_window(8);
  const Bytes frame = sealed(1);
  Bytes forged = frame;
  forged[5] ^= 1;
  EXPECT_EQ(opened(forged).reason, Reason::auth_failed);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
  EXPECT_EQ(opened(forged).reason, Reason::auth_failed);
  EXPECT_EQ(opened(frame).reason, Reason::replayed);
}

TEST_F(Replay, R5_ForgottenOnRequestAndWithAnotherWindow) {
  opener_.set_replay_window(8);
  const Bytes frame = sealed(1);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
  opener_.set_replay_window(8);
  EXPECT_EQ(opened(frame).reason, Reason::replayed) << "the same window goes on";
  opener_.forget_accepted();
  EXPECT_EQ(opened(frame).reason, Reason::ok) << "after a seek the same frames come again";
  EXPECT_EQ(opened(frame).reason, Reason::replayed);
  opener_.set_replay_window(9);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
}

TEST_F(Replay, SecondKeyOfASlotHasItsOwn) {
  opener_.set_replay_window(8);
  const KeyRef other = raw_key(2);
  ring_ = ring_of({other, key_});
  const Bytes frame = sealed(1);
  EXPECT_EQ(opened(frame).reason, Reason::ok);
  EXPECT_EQ(opened(frame).reason, Reason::replayed);
  // The same IV under another key is another frame.
  const Bytes iv(frame.end() - 14, frame.end() - 2);
  Sealer with_same_iv(livekit(), fixed_random(iv));
  const Bytes twin = seal(with_same_iv, other, opus(), FrameType::delta, noise(40)).frame;
  EXPECT_EQ(opened(twin).reason, Reason::ok);
}

// What is remembered of a key changes only when a frame verifies under it or another: forged ones
// that name other keys must not push it out, or replaying takes one forged frame for each key.
TEST_F(Replay, ForgedFramesDoNotMakeItForget) {
  opener_.set_replay_window(8);
  for (unsigned id = 1; id <= TrailerCiphers::kMost; ++id)
    ring_.slot(id).keys.push_back(raw_key(static_cast<std::uint8_t>(id + 10), id));
  const Bytes frame = sealed(1);
  ASSERT_EQ(opened(frame).reason, Reason::ok);
  ASSERT_EQ(opened(frame).reason, Reason::replayed);
  for (unsigned id = 1; id <= TrailerCiphers::kMost; ++id) {
    Bytes forged = frame;
    forged.back() = static_cast<std::uint8_t>(id);
    ASSERT_EQ(opened(forged).reason, Reason::auth_failed);
  }
  EXPECT_EQ(opened(frame).reason, Reason::replayed);
}

TEST_F(Replay, RetainKeepsWhatTheRingHas) {
  opener_.set_replay_window(8);
  const Bytes frame = sealed(1);
  ASSERT_EQ(opened(frame).reason, Reason::ok);
  KeyRing more = ring_;
  more.slot(3).keys.push_back(raw_key(3, 3));
  opener_.retain(more);
  EXPECT_EQ(opened(frame).reason, Reason::replayed) << "another key came; this one is the same";
  opener_.retain(KeyRing());
  EXPECT_EQ(opened(frame).reason, Reason::replayed) << "the key was away for a moment";
  ring_ = ring_of({raw_key(1)});
  EXPECT_EQ(opened(frame).reason, Reason::replayed) << "another object with the same bytes";
}

// Keys that went and do not come back must not add up.
TEST_F(Replay, R5_OfKeysThatWentTheLatestAreRemembered) {
  opener_.set_replay_window(8);
  std::vector<KeyRef> keys;
  std::vector<Bytes> frames;
  const auto passes = [&](std::size_t i) {
    return open(opener_, ring_of({keys[i]}), opus(), frames[i], Place::in_place).reason ==
           Reason::ok;
  };
  for (std::uint8_t i = 0; i < 100; ++i) {
    keys.push_back(raw_key(static_cast<std::uint8_t>(100 + i)));
    Sealer sealer(livekit());
    frames.push_back(seal(sealer, keys.back(), opus(), FrameType::delta, noise(40)).frame);
    EXPECT_TRUE(passes(i));
    opener_.retain(KeyRing());
  }
  EXPECT_FALSE(passes(99));
  EXPECT_FALSE(passes(70));
  EXPECT_TRUE(passes(1));
}

TEST(Retain, SealerGoesOnWithAKeyThatStays) {
  Sealer sealer(livekit());
  const KeyRef key = raw_key(1, 2);
  KeyRing ring;
  ring.current = key;
  const auto iv = [&] {
    const Bytes frame = seal(sealer, key, opus(), FrameType::delta, noise(20)).frame;
    return Bytes(frame.end() - 14, frame.end() - 3);
  };
  const Bytes before = iv();
  sealer.retain(ring);
  const Bytes kept = iv();
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 8, kept.begin()));
  sealer.retain(KeyRing());
  const Bytes dropped = iv();
  EXPECT_FALSE(std::equal(before.begin(), before.begin() + 8, dropped.begin()));
}

TEST(KeyRing, HoldsKeysInSlotsAndTheCurrentOne) {
  const KeyRef key = raw_key(1, 2);
  const KeyRef twin = raw_key(1, 2);
  KeyRing ring = ring_of({key});
  EXPECT_TRUE(ring.holds(*key));
  EXPECT_FALSE(ring.holds(*twin)) << "equal is not the same";
  ring.current = twin;
  EXPECT_TRUE(ring.holds(*twin));
  ring.erase(2);
  EXPECT_FALSE(ring.holds(*key));
  EXPECT_TRUE(ring.holds(*twin));
  EXPECT_FALSE(KeyRing().holds(*key));
}

}  // namespace e2ee::test
