/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What SFrame frames make a receiver do: generations, replays, and what forged frames may cost.
#include <set>

#include "core/kdf.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

std::vector<std::string> g_kdfs;

class CountKdfs {
 public:
  CountKdfs() {
    g_kdfs.clear();
    set_kdf_hook([](const char *kdf) { g_kdfs.emplace_back(kdf); });
  }
  ~CountKdfs() { set_kdf_hook(nullptr); }
  CountKdfs(const CountKdfs &) = delete;
  CountKdfs &operator=(const CountKdfs &) = delete;
  std::size_t count() const { return g_kdfs.size(); }
};

}  // namespace

TEST(SframeReceiving, TheKidNamesTheGeneration) {
  const Scheme &scheme = sframe();
  KeyRing ring;
  KeySlot &slot = ring.slot(2);
  for (unsigned generation : {3, 2})
    slot.keys.push_back(key_from(scheme, Bytes(16, 1), 2, generation));
  for (unsigned generation = 4; generation < 24; ++generation)
    slot.ahead.push_back(key_from(scheme, Bytes(16, 1), 2, generation));
  for (unsigned generation : {2, 3, 4, 11, 17}) {
    Sealer sealer(scheme);
    const Bytes frame = sealed_by(sealer, key_from(scheme, Bytes(16, 1), 2, generation));
    Opener opener(scheme);
    const Outcome outcome = open(opener, ring, opus(), frame, Place::in_place);
    ASSERT_EQ(outcome.reason, Reason::ok) << generation;
    EXPECT_EQ(outcome.opened.key->generation, generation);
    EXPECT_EQ(outcome.opened.key_id, 2U);
  }
  Sealer sealer(scheme);
  ring.slot(2).ahead.clear();
  const Bytes unknown = sealed_by(sealer, key_from(scheme, Bytes(16, 1), 2, 4));
  EXPECT_EQ(expect_refused(ring, opus(), unknown, noise(20), scheme), Reason::missing_key);
}

// With the largest window the four bits of a generation to come may fit one in its grace time.
TEST(SframeReceiving, AStepThatFitsAnEarlierGenerationMayBeALaterOne) {
  const Scheme &scheme = sframe();
  const auto key = [&](unsigned generation) {
    return key_from(scheme, Bytes(16, 1), 2, generation);
  };
  KeyRing ring;
  KeySlot &slot = ring.slot(2);
  for (unsigned generation : {9, 8, 7, 6, 5, 4, 3, 2})
    slot.keys.push_back(key(generation));
  for (unsigned generation = 10; generation <= 24; ++generation)
    slot.ahead.push_back(key(generation));
  for (unsigned generation : {2, 9, 10, 17, 18, 24}) {
    Sealer sealer(scheme);
    const Bytes frame = sealed_by(sealer, key(generation));
    expect_opens(ring, opus(), frame, noise(20), scheme);
    Opener opener(scheme);
    EXPECT_EQ(open(opener, ring, opus(), frame, Place::in_place).opened.key->generation,
              generation);
  }
}

TEST(SframeReceiving, PlainKidsAreKeyIds) {
  const Scheme &scheme = sframe(4, true);
  const std::uint64_t kid = 0xfedcba9876543210;
  Sealer sealer(scheme, random_bytes, kid);
  const KeyRef key = key_from(scheme, Bytes(16, 0x61), 0);
  const Bytes frame = sealed_by(sealer, key, scheme);
  KeyRing ring;
  ring.slot(kid).keys = {key_from(scheme, Bytes(16, 0x62), kid), key};  // the second in its grace
  expect_opens(ring, opus(), frame, noise(20), scheme);
  ring.erase(kid);
  Opener opener(scheme);
  const Outcome outcome = open(opener, ring, opus(), frame, Place::apart);
  EXPECT_EQ(outcome.reason, Reason::missing_key);
  EXPECT_EQ(outcome.opened.key_id, kid);
}

// Nothing in the frame names the generation: those that were derived ahead are searched.
TEST(SframeReceiving, PlainKidsFollowARatchet) {
  const Scheme &scheme = sframe(4, true);
  const std::uint64_t kid = 77;
  const auto key = [&](unsigned generation) {
    return key_from(scheme, Bytes(16, 1), kid, generation);
  };
  KeyRing ring;
  ring.slot(kid).keys = {key(3), key(2)};
  for (unsigned generation = 4; generation <= 10; ++generation)
    ring.slot(kid).ahead.push_back(key(generation));
  for (unsigned generation : {2, 3, 4, 7, 10}) {
    Sealer sealer(scheme, random_bytes, kid);
    const Bytes frame = sealed_by(sealer, key(generation), scheme);
    expect_opens(ring, opus(), frame, noise(20), scheme);
  }
}

// Two derivations for a KID, budgeted, and none for one that has proved itself.
TEST(SframeReceiving, R9_ForgedKidsAreBoundedAndPushNothingOut) {
  const Scheme &scheme = sframe();
  const KeyRing ring = ring_of({key_from(scheme, Bytes(16, 1), 0)});
  Sealer sealer(scheme);
  Opener opener(scheme);
  const auto opens = [&] {
    return open(opener, ring, opus(), sealed_by(sealer, ring.slots[0].keys[0]), Place::in_place)
               .reason == Reason::ok;
  };
  ASSERT_TRUE(opens());
  const CountKdfs kdfs;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < 100000; ++i) {
    Bytes forged(kMaxSframeHeader);
    forged.resize(write_sframe_header((i + 0x1000) << 8, i, forged.data()));
    forged.resize(forged.size() + 20);
    EXPECT_NE(open(opener, ring, opus(), forged, Place::in_place).reason, Reason::ok);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  EXPECT_LE(static_cast<double>(kdfs.count()), 2 * (50 + 50 * seconds + 1));
  EXPECT_GE(kdfs.count(), 100U);
  const std::size_t before = kdfs.count();
  EXPECT_TRUE(opens());
  EXPECT_EQ(kdfs.count(), before + 0) << "a known KID was derived again";
}

TEST(SframeReceiving, R5_TrueWindowForEachKid) {
  const Scheme &scheme = sframe();
  const KeyRing ring = ring_of({key_from(scheme, Bytes(16, 1), 0)});
  const KeyRef &key = ring.slots[0].keys[0];
  for (std::size_t window : {std::size_t{1}, std::size_t{64}, std::size_t{100}}) {
    Sealer sealer(scheme);
    Sealer other(scheme);
    std::vector<Bytes> frames;
    for (int i = 0; i < 300; ++i)
      frames.push_back(sealed_by(sealer, key));
    Opener opener(scheme);
    opener.set_replay_window(window);
    const auto reason_of = [&](const Bytes &frame) {
      const Outcome outcome = open(opener, ring, opus(), frame, Place::in_place);
      if (outcome.reason != Reason::ok) {
        EXPECT_EQ(outcome.opened.size, 0U);
      }
      return outcome.reason;
    };
    EXPECT_EQ(reason_of(frames[150]), Reason::ok);
    EXPECT_EQ(reason_of(frames[150]), Reason::replayed);
    EXPECT_EQ(reason_of(frames[150 - window]), Reason::replayed) << "too old to tell";
    if (window > 1) {
      EXPECT_EQ(reason_of(frames[151 - window]), Reason::ok);
      EXPECT_EQ(reason_of(frames[151 - window]), Reason::replayed);
    }
    Bytes forged = frames[299];
    forged.back() ^= 1;
    EXPECT_EQ(reason_of(forged), Reason::auth_failed);
    EXPECT_EQ(reason_of(frames[151]), Reason::ok) << "a forged frame moved the window";
    EXPECT_EQ(reason_of(frames[299]), Reason::ok);
    EXPECT_EQ(reason_of(frames[152]), window > 147 ? Reason::ok : Reason::replayed);
    EXPECT_EQ(reason_of(sealed_by(other, key)), Reason::ok) << "another sender has its own";
    opener.forget_accepted();
    EXPECT_EQ(reason_of(frames[0]), Reason::ok) << "a seek forgets";
  }
}

// Against a model that remembers everything.
TEST(SframeReceiving, R5_WindowAgainstAModel) {
  std::uint32_t state = 1;
  const auto draw = [&] { return state = state * 1664525 + 1013904223; };
  for (std::size_t size : {1UL, 2UL, 63UL, 64UL, 65UL, 4096UL}) {
    SlidingWindow window(size);
    std::set<std::uint64_t> seen;
    std::uint64_t top = draw() % 3 == 0 ? kLast - 20000 : 1000;
    for (int i = 0; i < 5000; ++i) {
      const std::uint64_t counter = top + (draw() >> 16) % 5 - (draw() >> 16) % (2 * size);
      const bool fresh = seen.empty() || counter > *seen.rbegin() ||
                         (*seen.rbegin() - counter < size && seen.count(counter) == 0);
      ASSERT_EQ(window.accept(counter), fresh) << size << ' ' << i;
      if (fresh)
        seen.insert(counter);
      top = *seen.rbegin();
    }
  }
}

}  // namespace e2ee::test
