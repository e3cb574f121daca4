/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames that nobody sealed, in any length and with any bit wrong.
#include "core/trailer.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

struct Sample {
  const CodecRule *codec;
  FrameType type;
  Bytes plain;
};

// A small frame of each kind.
std::vector<Sample> samples() {
  return {{&vp8(), FrameType::key, vp8_frame(FrameType::key, 40)},
          {&vp8(), FrameType::delta, vp8_frame(FrameType::delta, 20)},
          {&vp8(), FrameType::delta, vp8_frame(FrameType::delta, 0)},
          {&vp9(), FrameType::key, noise(33)},
          {&opus(), FrameType::delta, noise(25)},
          {&opus(), FrameType::delta, noise(1)}};
}

Bytes sealed_sample(const Sample &sample, const KeyRef &key) {
  Sealer sealer(livekit());
  const Sealed sealed = seal(sealer, key, *sample.codec, sample.type, sample.plain);
  EXPECT_EQ(sealed.reason, Reason::ok);
  return sealed.frame;
}

}  // namespace

TEST(Robust, RandomBytesOfEveryLength) {
  const KeyRing ring = ring_of({raw_key(1, 0), raw_key(2, 1), raw_key(3, 255)});
  for (const CodecRule *codec : codecs_of()) {
    for (std::size_t size = 1; size <= 64; ++size) {
      for (std::uint32_t round = 0; round < 20; ++round) {
        Bytes frame = noise(size, round * 100 + static_cast<std::uint32_t>(size));
        expect_refused(ring, *codec, frame, {});
        // And as the end of a frame looks, so that reading goes on.
        if (size >= 2)
          frame[size - 2] = kIvSize;
        frame[size - 1] = round % 2 == 0 ? 0 : 255;
        expect_refused(ring, *codec, frame, {});
      }
    }
  }
}

TEST(Robust, AnEmptyFrameIsNeitherSealedNorOpened) {
  const KeyRing ring = ring_of({raw_key(1)});
  for (const CodecRule *codec : codecs()) {
    Opener opener(livekit());
    const Result<Opened, Unopened> opened = opener.open(ring, *codec, {}, {});
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->size, 0U);
    EXPECT_EQ(opened->key, nullptr);
  }
}

TEST(Robust, LengthDecidesBeforeAnythingIsRead) {
  const KeyRing ring = ring_of({raw_key(1)});
  const struct {
    const CodecRule *codec;
    std::uint8_t first;  // byte of the frame
    std::size_t shortest;
  } kCases[] = {{&opus(), 0x78, 31}, {&vp9(), 0x82, 30}, {&vp8(), 0x10, 40}, {&vp8(), 0x11, 33}};
  for (const auto &c : kCases) {
    for (std::size_t size = 2; size <= 64; ++size) {
      Bytes frame(size, 0);
      frame[0] = c.first;
      frame[size - 2] = kIvSize;
      EXPECT_EQ(expect_refused(ring, *c.codec, frame, {}),
                size < c.shortest ? Reason::malformed : Reason::auth_failed)
          << c.codec->name << ' ' << size;
    }
  }
}

TEST(Robust, NoBitMayFlip) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  for (const Sample &sample : samples()) {
    const Bytes frame = sealed_sample(sample, key);
    expect_opens(ring, *sample.codec, frame, sample.plain);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      Bytes flipped = frame;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const Reason reason = expect_refused(ring, *sample.codec, flipped, {});
      // Only the length of the IV and the key id fail without the tag; and the bit that makes a
      // short VP8 delta frame a key frame, which would be longer.
      Reason expected = Reason::auth_failed;
      if (bit / 8 == frame.size() - 2)
        expected = Reason::malformed;
      else if (bit / 8 == frame.size() - 1)
        expected = Reason::missing_key;
      else if (bit == 0 && frame.size() < kVp8KeyHeader + kTrailerOverhead)
        expected = sample.codec->id == CodecId::vp8 ? Reason::malformed : expected;
      EXPECT_EQ(reason, expected) << sample.codec->name << " bit " << bit;
    }
  }
}

TEST(Robust, NoByteMayBeMissingOrAdded) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  for (const Sample &sample : samples()) {
    const Bytes frame = sealed_sample(sample, key);
    for (std::size_t size = 1; size < frame.size(); ++size)
      expect_refused(ring, *sample.codec,
                     Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)), {});
    for (std::size_t at = 0; at < frame.size(); ++at) {
      Bytes less = frame;
      less.erase(less.begin() + static_cast<std::ptrdiff_t>(at));
      Bytes more = frame;
      more.insert(more.begin() + static_cast<std::ptrdiff_t>(at), 0x5a);
      // Taking one of two equal neighbours away is taking the other: the frame is shorter anyway.
      expect_refused(ring, *sample.codec, less, {});
      expect_refused(ring, *sample.codec, more, {});
    }
  }
}

TEST(Robust, NoTrailerInLessThanItTakes) {
  for (std::size_t size = 0; size <= 64; ++size)
    EXPECT_EQ(has_trailer(Bytes(size, kIvSize)), size >= kTrailerOverhead) << size;
}

TEST(Robust, OtherIvLengthsAreRefused) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  const Bytes frame = sealed_sample(samples()[4], key);
  for (unsigned length = 0; length < 256; ++length) {
    Bytes other = frame;
    other[frame.size() - 2] = static_cast<std::uint8_t>(length);
    EXPECT_EQ(has_trailer(other), length == kIvSize);
    if (length == kIvSize)
      continue;
    EXPECT_EQ(expect_refused(ring, opus(), other, samples()[4].plain), Reason::malformed);
  }
}

// AES-GCM would verify a tag cut to 12 or even 4 bytes. No frame gets that far: a shorter tag moves
// everything before it.
TEST(Robust, TruncatedTagsAreRefused) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  for (const Sample &sample : samples()) {
    const Bytes frame = sealed_sample(sample, key);
    const auto tag_end = static_cast<std::ptrdiff_t>(frame.size() - kTrailerSize);
    for (std::ptrdiff_t cut = 1; cut <= 16; ++cut) {
      Bytes back = frame;
      back.erase(back.begin() + tag_end - cut, back.begin() + tag_end);
      expect_refused(ring, *sample.codec, back, sample.plain);
      Bytes front = frame;
      front.erase(front.begin() + tag_end - 16, front.begin() + tag_end - 16 + cut);
      expect_refused(ring, *sample.codec, front, sample.plain);
      Bytes zeroed = frame;
      std::fill(zeroed.begin() + tag_end - cut, zeroed.begin() + tag_end, 0);
      if (zeroed != frame)  // a tag in 256 ends in zero
        expect_refused(ring, *sample.codec, zeroed, sample.plain);
    }
  }
}

TEST(Robust, AnotherCodecsRuleDoesNotOpen) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  const Bytes plain = vp8_frame(FrameType::key, 60);
  const Bytes frame = sealed_sample({&vp8(), FrameType::key, plain}, key);
  EXPECT_EQ(expect_refused(ring, vp9(), frame, plain), Reason::auth_failed);
  EXPECT_EQ(expect_refused(ring, opus(), frame, plain), Reason::auth_failed);
}

// Two keys under one id, as within a ratchet window or while a key is replaced.
TEST(TwoKeys, EitherOrderOpens) {
  const KeyRef right = raw_key(8);
  const KeyRef wrong = raw_key(9);
  const KeyRef other = raw_key(10, 0, 256);
  for (const Sample &sample : samples()) {
    const Bytes frame = sealed_sample(sample, right);
    expect_opens(ring_of({wrong, right}), *sample.codec, frame, sample.plain);
    expect_opens(ring_of({right, wrong}), *sample.codec, frame, sample.plain);
    expect_opens(ring_of({wrong, other, right}), *sample.codec, frame, sample.plain);
    expect_opens(ring_of({wrong, right, other}), *sample.codec, frame, sample.plain);
    EXPECT_EQ(expect_refused(ring_of({wrong, other}), *sample.codec, frame, sample.plain),
              Reason::auth_failed);
  }
}

TEST(TwoKeys, SaysWhichOne) {
  const KeyRef right = raw_key(8, 5);
  const KeyRef wrong = raw_key(9, 5);
  const Bytes frame = sealed_sample(samples()[4], right);
  Opener opener(livekit());
  Outcome outcome = open(opener, ring_of({wrong, right}), opus(), frame, Place::apart);
  EXPECT_EQ(outcome.opened.key, right);
  EXPECT_EQ(outcome.opened.key_id, 5U);
  outcome = open(opener, ring_of({wrong}), opus(), frame, Place::apart);
  EXPECT_EQ(outcome.reason, Reason::auth_failed);
  EXPECT_EQ(outcome.opened.key_id, 5U);
  outcome = open(opener, ring_of({raw_key(8, 4)}), opus(), frame, Place::apart);
  EXPECT_EQ(outcome.reason, Reason::missing_key);
  EXPECT_EQ(outcome.opened.key_id, 5U);
  EXPECT_EQ(outcome.opened.key, nullptr);
}

// More keys than ciphers are kept for: the dropped ones are made again.
TEST(TwoKeys, MoreThanTheOpenerKeeps) {
  constexpr unsigned kKeys = TrailerCiphers::kMost + 10;
  std::vector<KeyRef> keys;
  KeyRing ring;
  for (unsigned i = 0; i < kKeys; ++i) {
    keys.push_back(raw_key(static_cast<std::uint8_t>(100 + i), i));
    ring.slot(i).keys.push_back(keys.back());
  }
  Opener opener(livekit());
  for (int round = 0; round < 2; ++round) {
    for (const KeyRef &key : keys) {
      const Bytes frame = sealed_sample(samples()[4], key);
      const Outcome outcome = open(opener, ring, opus(), frame, Place::in_place);
      ASSERT_EQ(outcome.reason, Reason::ok);
      EXPECT_EQ(outcome.plaintext(), samples()[4].plain);
      EXPECT_EQ(outcome.opened.key, key);
    }
  }
}

TEST(Opener, GoesOnAfterAFailure) {
  const KeyRef key = raw_key(7);
  const KeyRing ring = ring_of({key});
  Opener opener(livekit());
  const Bytes frame = sealed_sample(samples()[4], key);
  Bytes bad = frame;
  bad[3] ^= 1;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(open(opener, ring, opus(), bad, Place::in_place).reason, Reason::auth_failed);
    ASSERT_EQ(open(opener, ring, opus(), frame, Place::in_place).reason, Reason::ok);
  }
}

TEST(Opener, OutputTooSmallIsRefused) {
  const KeyRef key = raw_key(7);
  const Bytes frame = sealed_sample(samples()[4], key);
  Opener opener(livekit());
  Bytes out(frame.size() - 1, kFill);
  const Result<Opened, Unopened> opened = opener.open(ring_of({key}), opus(), frame, out);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.refusal().reason, Reason::internal);
  EXPECT_EQ(out, Bytes(out.size(), kFill));
}

TEST(Sealer, OutputTooSmallIsRefused) {
  const KeyRef key = raw_key(7);
  for (const Sample &sample : samples()) {
    Sealer sealer(livekit());
    Bytes out(sample.plain.size() + livekit().overhead - 1, kFill);
    const Result<Written> written = sealer.seal(key, *sample.codec, sample.type, sample.plain, out);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.refusal(), Reason::internal);
    EXPECT_EQ(out, Bytes(out.size(), kFill));
  }
}

TEST(Sealer, NoKeyNoFrame) {
  Sealer sealer(livekit());
  for (const Sample &sample : samples()) {
    const Sealed sealed = seal(sealer, nullptr, *sample.codec, sample.type, sample.plain);
    EXPECT_EQ(sealed.reason, Reason::missing_key);
    EXPECT_TRUE(sealed.frame.empty());
  }
}

TEST(Sealer, FramesShorterThanTheirClearBytesAreRefused) {
  Sealer sealer(livekit());
  const KeyRef key = raw_key(7);
  for (std::size_t size = 1; size < kVp8KeyHeader; ++size)
    EXPECT_EQ(seal(sealer, key, vp8(), FrameType::key, noise(size)).reason, Reason::malformed);
  for (std::size_t size = 1; size < kVp8DeltaHeader; ++size)
    EXPECT_EQ(seal(sealer, key, vp8(), FrameType::delta, noise(size)).reason, Reason::malformed);
}

}  // namespace e2ee::test
