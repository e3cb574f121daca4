/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The IV that makes a frame suit its payloader: found by a mask that must never be wrong.
#include "core/ivsearch.h"

#include <bit>
#include <cmath>

#include "helpers.h"

namespace e2ee::test {

namespace {

bool has_beginning(const CodecRule &codec, FrameType type, std::uint32_t cipher) {
  for (const Beginning &beginning : codec.taken_beginnings(type)) {
    if ((cipher & beginning.mask) == beginning.bits)
      return true;
  }
  return false;
}

constexpr FrameType kTypes[] = {FrameType::key, FrameType::delta};

}  // namespace

// All that the masks look at in every combination, and behind it zeros, ones and chance.
TEST(IvSearch, WhatBeginsSoIsTakenWhateverFollows) {
  constexpr unsigned kBits = 18;
  const Bytes rests[] = {Bytes(kPayloaderSight, 0), Bytes(kPayloaderSight, 0xff),
                         noise(kPayloaderSight, 1), noise(kPayloaderSight, 2)};
  for (const FrameType type : kTypes) {
    for (const Beginning &beginning : vp8().taken_beginnings(type))
      ASSERT_EQ(beginning.mask << kBits, 0U) << "looks further than is tried here";
    for (std::uint32_t first = 0; first < 1U << kBits; ++first) {
      const std::uint32_t bits = first << (32 - kBits);
      if (!has_beginning(vp8(), type, bits))
        continue;
      for (Bytes cipher : rests) {
        store_be32(cipher.data(), bits | (load_be32(cipher.data()) & ((1U << (32 - kBits)) - 1)));
        ASSERT_TRUE(vp8().payloader_takes(cipher, type)) << std::hex << bits;
      }
    }
  }
}

TEST(IvSearch, AChanceOf1In1e30ToFindNone) {
  for (const FrameType type : kTypes) {
    const auto &[a, b] = vp8().taken_beginnings(type);
    EXPECT_NE(a.bits & a.mask & b.mask, b.bits & a.mask & b.mask) << "one ciphertext has both";
    EXPECT_EQ(a.bits & ~a.mask, 0U);
    EXPECT_EQ(b.bits & ~b.mask, 0U);
    const double chance = std::exp2(-std::popcount(a.mask)) + std::exp2(-std::popcount(b.mask));
    EXPECT_DOUBLE_EQ(chance, type == FrameType::key ? 3.0 / 64 : 3.0 / 32);
    EXPECT_LT(std::pow(1 - chance, kMaxIvTries), 1e-30);
  }
}

class IvSearchOf : public testing::TestWithParam<const AeadBackend *> {
 protected:
  // The IV that is chosen for a frame makes it one that the payloader takes.
  void expect_taken(const Bytes &frame, FrameType type) {
    const ByteView view(frame);
    const std::size_t clear = type == FrameType::key ? kVp8KeyHeader : kVp8DeltaHeader;
    const ByteView aad = view.first(clear);
    const ByteView plain = view.subspan(clear);
    const auto iv = choose_iv(*aead_, ivs_, {vp8(), type, aad, plain});
    ASSERT_TRUE(iv);
    Bytes sealed(plain.size() + kTagSize + kIvSize);
    std::uint8_t *tag = sealed.data() + plain.size();
    ASSERT_TRUE(aead_->seal(*iv, aad, plain, sealed.data(), tag));
    std::copy(iv->begin(), iv->end(), tag + kTagSize);
    ASSERT_TRUE(vp8().payloader_takes(sealed, type)) << plain.size() << " bytes";
    EXPECT_TRUE(plain.size() < sizeof(std::uint32_t) ||
                has_beginning(vp8(), type, load_be32(sealed.data())));
  }

  std::unique_ptr<Aead> aead_ = GetParam()->create(noise(16, 7), Direction::seal);
  IvSource ivs_;
};

INSTANTIATE_TEST_SUITE_P(Backend, IvSearchOf, testing::ValuesIn(usable_backends()),
                         [](const auto &test) { return vectors::test_name(test.param->name); });

TEST_P(IvSearchOf, RandomFramesAreTaken) {
  for (const FrameType type : kTypes) {
    for (std::uint32_t seed = 0; seed < 10000; ++seed)
      ASSERT_NO_FATAL_FAILURE(expect_taken(vp8_frame(type, seed % 60, seed), type));
  }
}

TEST_P(IvSearchOf, FramesOfAnEncoderAreTaken) {
  unsigned frames = 0;
  for (const vectors::Record &record : vectors::load({"livekit-realframes.json"})) {
    if (record.codec != "vp8")
      continue;
    const Bytes &plain = record.plaintext.bytes;
    for (int round = 0; round < 500; ++round)
      ASSERT_NO_FATAL_FAILURE(expect_taken(plain, vp8().frame_type(plain))) << record.id;
    ++frames;
  }
  EXPECT_GT(frames, 0U);
}

namespace {

// Copies what lies below its caller on the stack: what functions left there that have returned.
// Sanitizers watch whoever does such a thing.
__attribute__((noinline, no_sanitize("address", "undefined", "thread"))) void copy_stack_below(
    Bytes &to) {
  std::uint8_t here = 0;
  const volatile std::uint8_t *from = &here - to.size();
  for (std::size_t i = 0; i < to.size(); ++i)
    to.data()[i] = from[i];
}

}  // namespace

// R8: not of the candidates that were thrown away either.
TEST_P(IvSearchOf, R8_NoKeystreamIsLeftOnTheStack) {
  const Bytes frame = vp8_frame(FrameType::delta, 200);
  Bytes below(16384);
  IvSource ivs(fixed_random(Bytes(kIvSize, 0x11)));
  const auto iv = choose_iv(
      *aead_, ivs, {vp8(), FrameType::delta, ByteView(frame).first(3), ByteView(frame).subspan(3)});
  copy_stack_below(below);
  ASSERT_TRUE(iv);
  constexpr unsigned kAround = 16;  // one batch on either side
  for (unsigned i = 0; i <= 2 * kAround; ++i) {
    Iv candidate = *iv;
    store_be32(candidate.data() + 8, load_be32(iv->data() + 8) + i - kAround);
    Bytes blocks(4 * kBlockSize);
    std::copy(candidate.begin(), candidate.end(), blocks.begin());
    blocks[kBlockSize - 1] = 2;
    ASSERT_TRUE(aead_->encrypt_blocks(blocks));
    const auto keystream = blocks.begin();
    EXPECT_EQ(std::search(below.begin(), below.end(), keystream, keystream + kBlockSize),
              below.end())
        << "of candidate " << static_cast<int>(i) - static_cast<int>(kAround);
  }
}

namespace {

// Makes a keystream that no payloader likes, or none.
class UselessAead final : public Aead {
 public:
  explicit UselessAead(bool works) : works_(works) {}
  bool encrypt_blocks(ByteSpan blocks) override {
    std::fill(blocks.begin(), blocks.end(), 0xff);
    return works_;
  }

 private:
  bool do_seal(const Iv &, ByteView, ByteView in, std::uint8_t *out, std::uint8_t *tag) override {
    std::fill_n(out, in.size(), 0xff);
    std::fill_n(tag, kTagSize, 0xff);
    return works_;
  }
  Reason do_open(const Iv &, ByteView, ByteView, std::uint8_t *, const std::uint8_t *) override {
    return Reason::internal;
  }

  bool works_;
};

}  // namespace

TEST(IvSearch, GivesUpAfterAllItsTries) {
  const Bytes zeros(100, 0);
  for (std::size_t size : {0, 3, 4, 90}) {
    const FrameToSeal frame = {vp8(), FrameType::key, ByteView(zeros).first(10),
                               ByteView(zeros).subspan(10, size)};
    UselessAead useless(true);
    IvSource ivs(fixed_random(Bytes(kIvSize, 0)));
    EXPECT_FALSE(choose_iv(useless, ivs, frame));
    Iv next;
    ASSERT_TRUE(ivs.take(1, next));
    EXPECT_EQ(load_be32(next.data() + 8), kMaxIvTries) << "every IV that was tried is spent";
    UselessAead broken(false);
    EXPECT_FALSE(choose_iv(broken, ivs, frame));
    IvSource none(broken_random);
    EXPECT_FALSE(choose_iv(useless, none, frame));
  }
}

}  // namespace e2ee::test
