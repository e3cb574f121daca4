/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame: headers, layouts, the promises of our KIDs, and what forged frames may cost.
#include <set>

#include "helpers.h"

namespace e2ee::test {

// ---- header -------------------------------------------------------------------------------------

TEST(SframeHeaders, NumbersLongerThanNeededAreMalformed) {
  for (const Bytes &bytes : std::vector<Bytes>{{0x80, 0x07},
                                               {0x08, 0x07},
                                               {0x90, 0x00, 0x08},
                                               {0x09, 0x00, 0xff},
                                               {0xf0, 0, 1, 1, 1, 1, 1, 1, 1},
                                               {0x0f, 0, 1, 1, 1, 1, 1, 1, 1}})
    EXPECT_FALSE(parse_sframe_header(bytes)) << to_hex(bytes);
  EXPECT_TRUE(parse_sframe_header(Bytes{0x80, 0x08}));
}

TEST(SframeHeaders, EveryLength) {
  for (unsigned a = 0; a < 64; a += 4) {
    for (unsigned b = 0; b < 64; b += 4) {
      const std::uint64_t kid = kLast >> a;
      const std::uint64_t counter = kLast >> b;
      Bytes bytes(kMaxSframeHeader);
      bytes.resize(write_sframe_header(kid, counter, bytes.data()));
      const SframeHeader header = header_of(bytes);
      EXPECT_EQ(header.kid, kid);
      EXPECT_EQ(header.counter, counter);
      EXPECT_EQ(header.size, bytes.size());
    }
  }
}

// ---- frames -------------------------------------------------------------------------------------

TEST(Sframe, EverySuiteAndLayoutBothPlaces) {
  for (unsigned suite = 1; suite <= 8; ++suite) {
    for (bool clear_header : {true, false}) {
      const Scheme &scheme = sframe(suite, false, clear_header);
      const KeyRef key = key_from(scheme, Bytes(16, 7), 3);
      for (const CodecRule *codec : codecs()) {
        const bool is_for_rtp = codec->nal != nullptr || codec->id == CodecId::av1;
        const bool has_short_tag = suite == 3 || suite == 8;
        EXPECT_EQ(scheme.rule_for(whole_frames_of(*codec)) == nullptr,
                  has_short_tag && codec->video);
        if (scheme.rule_for(*codec) == nullptr) {
          EXPECT_TRUE((has_short_tag && codec->video) || is_for_rtp);
          continue;
        }
        const bool is_vp8 = codec->id == CodecId::vp8;
        const FrameType type = codec->video ? FrameType::key : FrameType::delta;
        const Bytes plain = is_vp8 ? vp8_frame(type, 300) : noise(300);
        Sealer sealer(scheme);
        const Sealed sealed = seal(sealer, key, *codec, type, plain, scheme);
        ASSERT_EQ(sealed.reason, Reason::ok);
        const std::size_t clear = is_vp8 && clear_header ? 10 : 0;
        EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + static_cast<long>(clear),
                               sealed.frame.begin()));
        EXPECT_EQ(header_of(sealed.frame, clear).counter, 0U);
        expect_opens(ring_of({key}), *codec, sealed.frame, plain, scheme);
        for (std::size_t i : {std::size_t{0}, clear, sealed.frame.size() - 1}) {
          Bytes bad = sealed.frame;
          bad[i] ^= 0x20;
          Opener opener(scheme);
          EXPECT_NE(open(opener, ring_of({key}), *codec, bad, Place::in_place).reason, Reason::ok);
        }
      }
    }
  }
}

TEST(Sframe, InPlaceWithHeadroomIsTheSame) {
  const Scheme &scheme = sframe();
  const KeyRef key = key_from(scheme, Bytes(16, 7), 0);
  const Bytes plain = vp8_frame(FrameType::delta, 100);
  Bytes memory(scheme.headroom, kFill);
  memory = join({memory, plain});
  memory.resize(plain.size() + scheme.overhead);
  Sealer sealer(scheme);
  const Result<Written> written =
      sealer.seal(key, vp8(), FrameType::delta,
                  ByteView(memory).subspan(scheme.headroom, plain.size()), memory);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->offset + written->size, memory.size());
  const Bytes frame(memory.begin() + static_cast<long>(written->offset), memory.end());
  expect_opens(ring_of({key}), vp8(), frame, plain, scheme);
}

TEST(Sframe, CutAnywhereIsRefused) {
  for (unsigned suite : {1U, 4U, 6U}) {
    const Scheme &scheme = sframe(suite);
    const KeyRef key = key_from(scheme, Bytes(16, 7), 0);
    Sealer sealer(scheme);
    const Bytes plain = vp8_frame(FrameType::key, 20);
    const Bytes frame = seal(sealer, key, vp8(), FrameType::key, plain, scheme).frame;
    for (std::size_t size = 1; size < frame.size(); ++size)
      expect_refused(ring_of({key}), vp8(), Bytes(frame.begin(), frame.begin() + long(size)), plain,
                     scheme);
  }
}

// ---- keys ---------------------------------------------------------------------------------------

TEST(SframeKeys, RatchetIsTheRfcs) {
  for (unsigned suite : {4U, 5U, 8U}) {
    const Scheme &scheme = sframe(suite);
    const Bytes base(20, 9);
    const KeyRef first = key_from(scheme, base, 0);
    Bytes secret(scheme.suite->secret_size);
    Bytes next(scheme.suite->secret_size);
    ASSERT_TRUE(hkdf_extract(scheme.suite->hash, base, {}, secret));
    ASSERT_TRUE(hkdf_expand(scheme.suite->hash, secret, bytes_of("SFrame 1.0 Ratchet"), next));
    EXPECT_EQ(bytes_from(first->next.view()), next);
    const KeyRef second = key_from(scheme, base, 0, 1);
    EXPECT_EQ(bytes_from(second->secret.view()),
              bytes_from(key_from(scheme, next, 0)->secret.view()));
    EXPECT_NE(first->fingerprint, second->fingerprint);
  }
}

TEST(SframeKeys, APassphraseIsStretchedOnceAndNeverAgain) {
  Material material;
  material.bytes = Secret(bytes_of("meeting"));
  material.passphrase = true;
  Bytes base(32);
  ASSERT_TRUE(
      pbkdf2_sha256(bytes_of("meeting"), bytes_of("SFrame 1.0 gst-e2ee passphrase"), 100000, base));
  for (Kdf kdf : {Kdf::automatic, Kdf::hkdf, Kdf::pbkdf2}) {
    material.kdf = kdf;
    const KeyRef key = derive_key(sframe(), material, "");
    EXPECT_EQ(bytes_from(key->secret.view()),
              bytes_from(key_from(sframe(), base, 0)->secret.view()));
    EXPECT_EQ(bytes_from(ratchet_key(sframe(), material, *key, "")->secret.view()),
              bytes_from(key_from(sframe(), base, 0, 1)->secret.view()));
  }
}

TEST(SframeKeys, SuitesHaveFingerprintsOfTheirOwn) {
  std::set<std::string> seen;
  for (unsigned suite = 1; suite <= 8; ++suite)
    seen.insert(key_from(sframe(suite), Bytes(16, 1), 0)->fingerprint);
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(key_from(sframe(4, true, false), Bytes(16, 1), 0)->fingerprint,
            key_from(sframe(4), Bytes(16, 1), 0)->fingerprint)
      << "what does not concern the key must not change it";
}

TEST(SframeKeys, TheProfileHasSixteenKeyIds) {
  EXPECT_TRUE(key_from(sframe(), Bytes(16, 1), 15));
  EXPECT_FALSE(key_from(sframe(), Bytes(16, 1), 16));
  EXPECT_TRUE(key_from(sframe(4, true), Bytes(16, 1), kLast));
  EXPECT_EQ(scheme_for(kSframeId, {9}), nullptr);
  EXPECT_EQ(scheme_for(kSframeId, {0}), nullptr);
}

// ---- R3: no (KID, counter) twice under a base key -----------------------------------------------

TEST(SframeKids, R3_SaysIndexAndStepAndKeepsItsBits) {
  const Bytes bits = {1, 2, 3, 4, 5, 6, 7};
  Sealer sealer(sframe(), fixed_random(bits));
  std::uint64_t counter = 0;
  // Also back to a key that was in use before: one counter for them all.
  for (auto [id, generation] : std::vector<std::pair<unsigned, unsigned>>{
           {0, 0}, {5, 0}, {5, 1}, {0, 0}, {5, 18}, {15, 0}, {5, 1}}) {
    const KeyRef key = key_from(sframe(), Bytes(16, static_cast<std::uint8_t>(id)), id, generation);
    const SframeHeader header = header_of(sealed_by(sealer, key));
    EXPECT_EQ(header.kid, 0x0102030405060700U | id << 4 | generation % 16);
    EXPECT_EQ(header.counter, counter++);
  }
}

TEST(SframeKids, R3_EveryEncryptorDrawsAllBits) {
  const KeyRef key = key_from(sframe(), Bytes(16, 1), 0);
  std::set<std::uint64_t> kids;
  std::uint64_t ones = 0;
  std::uint64_t zeros = 0;
  for (int i = 0; i < 64; ++i) {
    Sealer sealer(sframe());
    const std::uint64_t kid = header_of(sealed_by(sealer, key)).kid;
    kids.insert(kid);
    ones |= kid;
    zeros |= ~kid;
  }
  EXPECT_EQ(kids.size(), 64U);
  EXPECT_EQ(ones >> 8, kLast >> 8) << "a bit is never set";
  EXPECT_EQ(zeros >> 8, kLast >> 8) << "a bit is always set";
}

TEST(SframeKids, R3_NoRandomNumbersNoFrame) {
  Sealer sealer(sframe(), broken_random);
  EXPECT_EQ(seal(sealer, key_from(sframe(), Bytes(16, 1), 0), opus(), FrameType::delta, noise(9),
                 sframe())
                .reason,
            Reason::internal);
}

TEST(SframeKids, R3_WithdrawnKeysDoNotRewind) {
  Sealer sealer(sframe());
  const KeyRef key = key_from(sframe(), Bytes(16, 1), 0);
  const SframeHeader before = header_of(sealed_by(sealer, key));
  sealer.retain(KeyRing());
  const SframeHeader after = header_of(sealed_by(sealer, key_from(sframe(), Bytes(16, 1), 0)));
  EXPECT_EQ(after.kid, before.kid);
  EXPECT_EQ(after.counter, before.counter + 1);
}

TEST(SframeKids, R3_AForkedChildNeverGoesOnWithItsParentsNumbers) {
  for (std::optional<std::uint64_t> kid : {std::optional<std::uint64_t>(), std::optional(77UL)}) {
    const Scheme &scheme = sframe(4, kid.has_value());
    Sealer sealer(scheme, random_bytes, kid);
    const Bytes base(16, 0x31);
    const KeyRef key = key_from(scheme, base, 0);
    const SframeHeader before = header_of(sealed_by(sealer, key, scheme));
    EXPECT_TRUE(in_child([&] {
      const Sealed same = seal(sealer, key, opus(), FrameType::delta, noise(20), scheme);
      // The child sets the key again.
      const KeyRef again = key_from(scheme, base, 0);
      const Sealed other = seal(sealer, again, opus(), FrameType::delta, noise(20), scheme);
      if (same.reason == Reason::ok || !again)
        return false;  // its secret is gone
      if (kid)
        return other.reason == Reason::key_limit;
      return other.reason == Reason::ok && header_of(other.frame).kid != before.kid;
    })) << kid.value_or(0);
    EXPECT_EQ(header_of(sealed_by(sealer, key, scheme)).counter, before.counter + 1);
  }
}

TEST(SframeKids, R3_AnExplicitKidGoesOnCounting) {
  const Scheme &scheme = sframe(4, true);
  const KeyRef key = key_from(scheme, Bytes(16, 0x41), 2);
  const KeyRef same = key_from(scheme, Bytes(16, 0x41), 9);  // set again, at another index
  Sealer first(scheme, random_bytes, 1234);
  EXPECT_EQ(header_of(sealed_by(first, key, scheme)).counter, 0U);
  {
    Sealer second(scheme, random_bytes, 1234);
    EXPECT_EQ(header_of(sealed_by(second, same, scheme)).counter, 1U);
    EXPECT_EQ(header_of(sealed_by(first, key, scheme)).counter, 2U);
  }
  Sealer restarted(sframe(4, true, false), random_bytes, 1234);
  EXPECT_EQ(header_of(sealed_by(restarted, key, sframe(4, true, false))).counter, 3U);
  Sealer other(scheme, random_bytes, 1235);
  EXPECT_EQ(header_of(sealed_by(other, key, scheme)).counter, 0U);
  const Scheme &suite5 = sframe(5, true);
  Sealer other_suite(suite5, random_bytes, 1234);
  EXPECT_EQ(header_of(sealed_by(other_suite, key_from(suite5, Bytes(16, 0x41), 2), suite5)).counter,
            0U);
}

TEST(SframeKids, R3_TheCounterEndsAndStaysThere) {
  const Scheme &scheme = sframe(4, true);
  const KeyRef key = key_from(scheme, Bytes(16, 0x51), 0);
  (*counter_of(*scheme.suite, key->secret.view(), 8))->set_for_tests(kLast - 1);
  Sealer sealer(scheme, random_bytes, 8);
  const Bytes frame = sealed_by(sealer, key, scheme);
  EXPECT_EQ(header_of(frame).counter, kLast - 1);
  KeyRing ring;
  ring.slot(8).keys.push_back(key);
  expect_opens(ring, opus(), frame, noise(20), scheme);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(seal(sealer, key, opus(), FrameType::delta, noise(20), scheme).reason,
              Reason::key_limit);
}

// ---- receiving ----------------------------------------------------------------------------------

}  // namespace e2ee::test
