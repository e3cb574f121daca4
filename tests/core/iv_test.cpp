/* SPDX-License-Identifier: LGPL-2.1-or-later */
// No IV twice under a key; and how often a key may be used.
#include "core/iv.h"

#include <sys/mman.h>

#include <array>
#include <cstring>
#include <set>

#include "helpers.h"

namespace e2ee::test {

namespace {

Iv iv_of_hex(const char *hex) {
  return iv_from(from_hex(hex).value());
}

std::string hex_of(const Iv &iv) {
  return to_hex(iv.data(), iv.size());
}

// How often `random` is asked, and what for.
unsigned g_draws = 0;
bool counted_random(ByteSpan out) {
  ++g_draws;
  return random_bytes(out);
}

bool g_works = false;
bool moody_random(ByteSpan out) {
  return g_works && random_bytes(out);
}

Bytes iv_in(const Bytes &frame) {
  return Bytes(frame.end() - 14, frame.end() - 2);
}

// Memory that a child can write for its parent to read.
class SharedIv {
 public:
  SharedIv() {
    void *p = mmap(nullptr, sizeof(Iv), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    iv_ = p == MAP_FAILED ? nullptr : static_cast<Iv *>(p);
  }
  ~SharedIv() { munmap(iv_, sizeof(Iv)); }
  SharedIv(const SharedIv &) = delete;
  SharedIv &operator=(const SharedIv &) = delete;
  Iv *get() { return iv_; }

 private:
  Iv *iv_;
};

}  // namespace

TEST(IvSource, R3_AdvanceCarries) {
  const struct {
    const char *from;
    unsigned n;
    const char *to;
  } kCases[] = {
      {"000000000000000000000000", 0, "000000000000000000000000"},
      {"000000000000000000000000", 1, "000000000000000000000001"},
      {"0000000000000000000000ff", 1, "000000000000000000000100"},
      {"00000000000000000000ffff", 1, "000000000000000000010000"},
      {"00000000ffffffffffffffff", 1, "000000010000000000000000"},
      {"ffffffffffffffffffffffff", 1, "000000000000000000000000"},
      {"ffffffffffffffffffffffff", 5, "000000000000000000000004"},
      {"7fffffffffffffffffffffff", 1, "800000000000000000000000"},
      {"0000000000000000ffffffff", 0xffffffff, "0000000000000001fffffffe"},
      {"fffffffffffffffe00000001", 0xffffffff, "ffffffffffffffff00000000"},
      {"0000000000000000000000f0", 300, "00000000000000000000021c"},
  };
  for (const auto &c : kCases) {
    Iv iv = iv_of_hex(c.from);
    IvSource::advance(iv, c.n);
    EXPECT_EQ(hex_of(iv), c.to) << c.from << " + " << c.n;
  }
}

TEST(IvSource, R3_WrapsWithoutStartingOver) {
  IvSource source(fixed_random(Bytes(kIvSize, 0xff)));
  Iv first{};
  ASSERT_TRUE(source.take(1, first));
  EXPECT_EQ(hex_of(first), "ffffffffffffffffffffffff");
  ASSERT_TRUE(source.take(4, first));
  EXPECT_EQ(hex_of(first), "000000000000000000000000");
  ASSERT_TRUE(source.take(1, first));
  EXPECT_EQ(hex_of(first), "000000000000000000000004");
}

TEST(IvSource, R3_DrawsOnceAndNeverRepeats) {
  g_draws = 0;
  IvSource source(counted_random);
  std::set<Iv> seen;
  for (unsigned i = 0; i < 20000; ++i) {
    const unsigned count = 1 + i % 4;
    Iv iv{};
    ASSERT_TRUE(source.take(count, iv));
    for (unsigned k = 0; k < count; ++k) {
      ASSERT_TRUE(seen.insert(iv).second) << "again: " << hex_of(iv);
      IvSource::advance(iv, 1);
    }
  }
  EXPECT_EQ(g_draws, 1U);
}

// The start is all random: over many sources each bit is set in about half of them.
TEST(IvSource, R3_AllBitsOfTheStartVary) {
  constexpr int kStarts = 4000;
  std::array<int, kIvSize * 8> ones{};
  for (int i = 0; i < kStarts; ++i) {
    IvSource source;
    Iv iv{};
    ASSERT_TRUE(source.take(1, iv));
    for (std::size_t bit = 0; bit < ones.size(); ++bit)
      ones[bit] += (iv[bit / 8] >> (bit % 8)) & 1;
  }
  // 8 standard deviations (of 31.6): one run in 10^13 fails by chance.
  for (std::size_t bit = 0; bit < ones.size(); ++bit)
    EXPECT_NEAR(ones[bit], kStarts / 2, 253) << "bit " << bit;
}

TEST(IvSource, R3_FailsWithoutRandomness) {
  g_works = false;
  IvSource source(moody_random);
  Iv iv{};
  EXPECT_FALSE(source.take(1, iv));
  EXPECT_FALSE(source.take(1, iv));
  g_works = true;
  EXPECT_TRUE(source.take(1, iv));
  EXPECT_NE(iv, Iv{}) << "counted from zero";
}

TEST(IvSource, R3_AForkedChildStartsAnew) {
  // Forks are counted from the first secret on; whoever has a key has one.
  const Secret any(std::size_t{16});
  SharedIv shared;
  ASSERT_NE(shared.get(), nullptr);
  IvSource source;
  Iv iv{};
  ASSERT_TRUE(source.take(1, iv));
  ASSERT_TRUE(in_child([&] { return source.take(1, *shared.get()); }));
  ASSERT_TRUE(source.take(1, iv));
  // Counters from one start agree in all but the last bytes.
  EXPECT_NE(std::memcmp(iv.data(), shared.get()->data(), 8), 0);
}

TEST(IvSource, R3_AForkedChildWithoutRandomnessGetsNone) {
  const Secret any(std::size_t{16});
  g_works = true;
  IvSource source(moody_random);
  Iv iv{};
  ASSERT_TRUE(source.take(1, iv));
  EXPECT_TRUE(in_child([&] {
    g_works = false;
    return !source.take(1, iv);
  }));
}

TEST(SealerIv, R3_EveryFrameHasItsOwn) {
  Sealer sealer(livekit());
  const KeyRef key = raw_key(1);
  std::set<Bytes> seen;
  for (unsigned i = 0; i < 2000; ++i) {
    const CodecRule &codec = i % 2 == 0 ? opus() : vp8();
    // VP8 frames are short at times, where each try seals the frame.
    const Sealed sealed =
        seal(sealer, key, codec, FrameType::delta, vp8_frame(FrameType::delta, i % 60, i));
    ASSERT_EQ(sealed.reason, Reason::ok);
    ASSERT_TRUE(seen.insert(iv_in(sealed.frame)).second);
  }
}

// The same bytes set again are another Key object. It must not go back to where the first began.
TEST(SealerIv, R3_SettingTheSameKeyAgainDoesNotRewind) {
  std::set<Bytes> starts;
  Sealer sealer(livekit());
  for (int i = 0; i < 50; ++i) {
    const Sealed sealed = seal(sealer, raw_key(1), opus(), FrameType::delta, noise(20));
    ASSERT_EQ(sealed.reason, Reason::ok);
    const Bytes iv = iv_in(sealed.frame);
    EXPECT_TRUE(starts.insert(Bytes(iv.begin(), iv.begin() + 8)).second);
  }
}

TEST(SealerIv, R3_AKeyThatWasDroppedStartsAnew) {
  Sealer sealer(livekit());
  const KeyRef key = raw_key(1);
  const Bytes before = iv_in(seal(sealer, key, opus(), FrameType::delta, noise(20)).frame);
  sealer.retain(KeyRing());
  const Bytes after = iv_in(seal(sealer, key, opus(), FrameType::delta, noise(20)).frame);
  EXPECT_NE(Bytes(before.begin(), before.begin() + 8), Bytes(after.begin(), after.begin() + 8));
}

TEST(SealerIv, R3_NoRandomnessNoFrame) {
  for (const CodecRule *codec : codecs_of()) {
    Sealer sealer(livekit(), broken_random);
    const KeyRef key = raw_key(1);
    const std::uint64_t before = key->usage->frames();
    Bytes frame = vp8_frame(FrameType::key, 100);
    if (codec->nal != nullptr)
      frame.insert(frame.begin(), {0, 0, 0, 1, 0x21, 0x88});  // a slice of either codec
    Bytes out(frame.size() + livekit().overhead, kFill);
    const Result<Written> written = sealer.seal(key, *codec, FrameType::key, frame, out);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.refusal(), Reason::internal);
    EXPECT_EQ(out, Bytes(out.size(), kFill)) << codec->name << ": something was written";
    EXPECT_EQ(key->usage->frames(), before);
  }
}

TEST(KeyUsage, R4_LimitStopsTheSealer) {
  const KeyRef key = raw_key(0x51);
  Sealer sealer(livekit());
  key->usage->set_for_tests(KeyUsage::kHardLimit - 1);
  EXPECT_EQ(seal(sealer, key, opus(), FrameType::delta, noise(20)).reason, Reason::ok);
  const Sealed refused = seal(sealer, key, opus(), FrameType::delta, noise(20));
  EXPECT_EQ(refused.reason, Reason::key_limit);
  EXPECT_TRUE(refused.frame.empty());
  EXPECT_EQ(key->usage->frames(), KeyUsage::kHardLimit);
  key->usage->set_for_tests(0);
}

TEST(KeyUsage, R4_LimitIsTheKeyValuesNotTheObjects) {
  const KeyRef one = raw_key(0x52, 0);
  const KeyRef other = raw_key(0x52, 3);
  const KeyRef different = raw_key(0x53, 0);
  ASSERT_NE(one, other);
  EXPECT_EQ(one->usage, other->usage);
  EXPECT_NE(one->usage, different->usage);
  one->usage->set_for_tests(KeyUsage::kHardLimit);
  Sealer sealer(livekit());
  EXPECT_EQ(seal(sealer, other, opus(), FrameType::delta, noise(9)).reason, Reason::key_limit);
  EXPECT_EQ(seal(sealer, different, opus(), FrameType::delta, noise(9)).reason, Reason::ok);
  one->usage->set_for_tests(0);
}

TEST(KeyUsage, R4_IsRememberedAfterTheKeyIsGone) {
  raw_key(0x54)->usage->set_for_tests(12345);
  EXPECT_EQ(raw_key(0x54)->usage->frames(), 12345U);
}

// More keys than are remembered come and go. Those in use keep their counts whatever happens, and
// of the others those that were used most.
TEST(KeyUsage, R4_ManyKeysDoNotDisplaceThoseInUse) {
  std::vector<std::shared_ptr<KeyUsage>> used;
  for (std::uint32_t seed = 0; seed < 100; ++seed)
    used.push_back(usage_of(noise(16, seed)));
  usage_of(noise(16, 500))->set_for_tests(1000);
  for (std::uint32_t seed = 1000; seed < 6000; ++seed)
    ASSERT_TRUE(usage_of(noise(16, seed)));
  for (std::uint32_t seed = 0; seed < 100; ++seed)
    EXPECT_EQ(usage_of(noise(16, seed)), used[seed]) << seed;
  EXPECT_EQ(usage_of(noise(16, 500))->frames(), 1000U);
}

TEST(KeyUsage, R4_ReleasedAndOpenedFramesCountAndTriesDoNot) {
  const KeyRef key = raw_key(0x55);
  key->usage->set_for_tests(0);
  Sealer sealer(livekit());
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 50; ++i)
    frames.push_back(
        seal(sealer, key, vp8(), FrameType::key, vp8_frame(FrameType::key, 50, i)).frame);
  EXPECT_EQ(key->usage->frames(), 50U) << "each VP8 frame takes four tries on average";
  Opener opener(livekit());
  const KeyRing ring = ring_of({key});
  for (const Bytes &frame : frames)
    ASSERT_EQ(open(opener, ring, vp8(), frame, Place::apart).reason, Reason::ok);
  EXPECT_EQ(key->usage->frames(), 100U);
  frames[0][20] ^= 1;
  open(opener, ring, vp8(), frames[0], Place::apart);
  EXPECT_EQ(key->usage->frames(), 100U) << "a frame that does not verify is no use of the key";
}

TEST(KeyUsage, R4_AnExhaustedKeyStillOpens) {
  const KeyRef key = raw_key(0x56);
  Sealer sealer(livekit());
  const Bytes frame = seal(sealer, key, opus(), FrameType::delta, noise(30)).frame;
  key->usage->set_for_tests(KeyUsage::kHardLimit);
  expect_opens(ring_of({key}), opus(), frame, noise(30));
  key->usage->set_for_tests(0);
}

TEST(Fork, R3_AChildDoesNotUseItsParentsKeys) {
  const KeyRef key = raw_key(0x57);
  EXPECT_TRUE(in_child([&] {
    Sealer sealer(livekit());
    const bool refused =
        seal(sealer, key, opus(), FrameType::delta, noise(20)).reason == Reason::internal;
    Material material;
    material.bytes = key->next.clone();
    return refused && !derive_key(livekit(), material, "") &&
           !ratchet_key(livekit(), material, *key, "");
  })) << "an all-zero key was taken for a key";
}

// libipsec-mb's keys are gone in a child: that one gets no frames.
TEST(Fork, R3_AChildsSealerGoesOnWithIvsOfItsOwn) {
  const KeyRef key = raw_key(0x58);
  Sealer sealer(livekit());
  const Sealed before = seal(sealer, key, opus(), FrameType::delta, noise(20));
  ASSERT_EQ(before.reason, Reason::ok);
  SharedIv shared;
  ASSERT_NE(shared.get(), nullptr);
  const bool goes_on = aead_in_use().backend->name == std::string("openssl");
  ASSERT_TRUE(in_child([&] {
    const Sealed sealed = seal(sealer, key, opus(), FrameType::delta, noise(20));
    if (!goes_on)
      return sealed.reason == Reason::internal && sealed.frame.empty();
    if (sealed.reason != Reason::ok)
      return false;
    std::memcpy(shared.get(), iv_in(sealed.frame).data(), kIvSize);
    return true;
  }));
  const Bytes after = iv_in(seal(sealer, key, opus(), FrameType::delta, noise(20)).frame);
  EXPECT_NE(std::memcmp(after.data(), shared.get(), 8), 0);
}

}  // namespace e2ee::test
