/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys for each SSRC, and KIDs of which some bits are the ratchet step.
#include "core/kdf.h"
#include "helpers.h"

namespace e2ee::test {

namespace {

const Scheme &scheme_of(const SchemeOptions &options) {
  return *scheme_for(kSframeId, options);
}

const Scheme &per_ssrc(unsigned suite, unsigned ratchet_bits = 0) {
  return scheme_of({.sframe_suite = suite,
                    .plain_kids = ratchet_bits == 0,
                    .ratchet_bits = ratchet_bits,
                    .per_ssrc = true});
}

// Of a stream's key: section 4.4.2 of RFC 9605.
Bytes extracted(const Scheme &scheme, const Bytes &stream_key) {
  Bytes secret(scheme.suite->secret_size);
  EXPECT_TRUE(hkdf_extract(scheme.suite->hash, stream_key, {}, secret));
  return secret;
}

Bytes ratcheted(const Scheme &scheme, const Bytes &stream_key) {
  Bytes next(scheme.suite->secret_size);
  EXPECT_TRUE(hkdf_expand(scheme.suite->hash, extracted(scheme, stream_key),
                          bytes_of("SFrame 1.0 Ratchet"), next));
  return next;
}

Bytes sealed_in(Sealer &sealer, const KeyRef &key, const Scheme &scheme, std::uint32_t ssrc) {
  sealer.set_stream(ssrc);
  return sealed_by(sealer, key, scheme);
}

Outcome opened_in(Opener &opener, const KeyRing &ring, const Bytes &frame, StreamId stream) {
  opener.set_stream(stream);
  return open(opener, ring, opus(), frame, Place::in_place);
}

using SsrcVector = OfVector<vectors::Record>;
using RtpVector = OfVector<vectors::Record>;

}  // namespace

TEST_P(SsrcVector, GivesTheKeyOfTheStream) {
  const Scheme &scheme = per_ssrc(static_cast<unsigned>(record().number("cipher_suite")));
  const KeyRef key = key_from(scheme, record().hex("base_key"), 1);
  ASSERT_TRUE(key);
  const StreamKeys keys(*scheme.suite);
  for (const char *which : {"a", "b"}) {
    const auto ssrc = static_cast<std::uint32_t>(record().number(std::string("ssrc_") + which));
    EXPECT_EQ(bytes_from(keys.secret_of(*key, ssrc).view()),
              extracted(scheme, record().hex(std::string("stream_key_") + which)));
  }
}

TEST_P(RtpVector, BothWays) {
  const bool for_ssrc = record().field("per_ssrc") == "true";
  const auto suite = static_cast<unsigned>(record().number("cipher_suite"));
  const Scheme &scheme = for_ssrc ? per_ssrc(suite) : sframe(suite, true);
  const std::uint64_t kid = record().number("kid");
  const auto ssrc = static_cast<std::uint32_t>(record().number("ssrc"));
  const KeyRef key = key_from(scheme, record().hex("base_key"), kid);
  const Bytes plain = record().hex("pt");
  const CodecRule &codec =
      whole_frames_of(scheme.rule_for(whole_frames_of(h265())) != nullptr ? h265() : opus());
  const Bytes secret =
      for_ssrc ? extracted(scheme, record().hex("stream_key")) : bytes_from(key->secret.view());
  (*counter_of(*scheme.suite, secret, kid))->set_for_tests(record().number("ctr"));
  Sealer sealer(scheme, random_bytes, kid);
  sealer.set_stream(ssrc);
  const Sealed sealed = seal(sealer, key, codec, FrameType::key, plain, scheme);
  ASSERT_EQ(sealed.reason, Reason::ok);
  EXPECT_EQ(to_hex(sealed.frame), record().field("sframe"));
  for (Place place : {Place::in_place, Place::apart}) {
    Opener opener(scheme);
    opener.set_stream(ssrc);
    const Outcome outcome = open(opener, ring_of({key}), codec, record().hex("sframe"), place);
    ASSERT_EQ(outcome.reason, Reason::ok);
    EXPECT_EQ(outcome.plaintext(), plain);
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, SsrcVector,
                         testing::ValuesIn(vectors::load({"sframe-rtp.json"},
                                                         {"sframe_per_ssrc_key_derivation"})),
                         kIdOfRecord);
INSTANTIATE_TEST_SUITE_P(Vectors, RtpVector,
                         testing::ValuesIn(vectors::load({"sframe-rtp.json"}, {"sframe_rtp"})),
                         kIdOfRecord);

// ---- streams ------------------------------------------------------------------------------------

TEST(SframeStreams, TheRatchetIsTheStreams) {
  const Scheme &scheme = per_ssrc(6, 8);
  const Bytes base(32, 0x11);
  StreamKeys keys(*scheme.suite);
  std::vector<Bytes> expected;
  Bytes secret(scheme.suite->secret_size);
  Bytes stream_key(scheme.suite->secret_size);
  ASSERT_TRUE(hkdf_extract(scheme.suite->hash, base, Bytes{0, 0, 0, 7}, secret));
  ASSERT_TRUE(
      hkdf_expand(scheme.suite->hash, secret, bytes_of("SFrame 1.0 RTP Stream"), stream_key));
  for (unsigned step = 0; step < 40; ++step) {
    expected.push_back(extracted(scheme, stream_key));
    stream_key = ratcheted(scheme, stream_key);
  }
  // Settled or not, and back again: generations come late.
  for (unsigned step : {0, 1, 2, 30, 29, 22, 0, 39, 31, 5}) {
    const KeyRef key = key_from(scheme, base, 1, step);
    EXPECT_EQ(bytes_from(keys.secret_of(*key, 7).view()), expected[step]) << step;
    keys.settle(*key, 7);
    EXPECT_EQ(bytes_from(keys.secret_of(*key, 7).view()), expected[step]) << step;
  }
  EXPECT_NE(bytes_from(keys.secret_of(*key_from(scheme, base, 1), 8).view()), expected[0]);
}

std::size_t g_kdfs = 0;

// A stream that has ratcheted for long goes on from where it is, until its key is taken away.
TEST(SframeStreams, R7_WhatCameOfAWithdrawnKeyIsForgotten) {
  const Scheme &scheme = per_ssrc(6, 8);
  const KeyRef key = key_from(scheme, Bytes(32, 0x19), 1, 100);
  StreamKeys keys(*scheme.suite);
  keys.settle(*key, 7);
  const auto cost = [&] {
    g_kdfs = 0;
    set_kdf_hook([](const char *) { ++g_kdfs; });
    EXPECT_FALSE(keys.secret_of(*key, 7).empty());
    set_kdf_hook(nullptr);
    return g_kdfs;
  };
  EXPECT_LE(cost(), 20U);
  keys.retain(ring_of({key}));
  EXPECT_LE(cost(), 20U);
  keys.retain(KeyRing());
  EXPECT_GE(cost(), 200U);
}

TEST(SframeStreams, AnotherSsrcIsAnotherKey) {
  const Scheme &scheme = per_ssrc(4, 8);
  const KeyRef key = key_from(scheme, Bytes(16, 0x12), 1);
  const KeyRing ring = ring_of({key});
  Sealer sealer(scheme);
  const Bytes first = sealed_in(sealer, key, scheme, 1);
  const Bytes second = sealed_in(sealer, key, scheme, 2);
  EXPECT_EQ(header_of(first).kid, header_of(second).kid);
  EXPECT_EQ(header_of(second).counter, 0U) << "a key of its own counts from 0";
  Opener opener(scheme);
  opener.set_replay_window(64);
  EXPECT_EQ(opened_in(opener, ring, first, 1).reason, Reason::ok);
  EXPECT_EQ(opened_in(opener, ring, second, 1).reason, Reason::auth_failed);
  EXPECT_EQ(opened_in(opener, ring, second, 2).reason, Reason::ok);
  EXPECT_EQ(opened_in(opener, ring, first, 1).reason, Reason::replayed);
  EXPECT_EQ(opened_in(opener, ring, first, {}).reason, Reason::unsupported);
  sealer.set_stream({});
  EXPECT_EQ(seal(sealer, key, opus(), FrameType::delta, noise(20), scheme).reason,
            Reason::unsupported);
}

TEST(SframeStreams, R3_OneStreamHasOneEncryptor) {
  const Scheme &scheme = per_ssrc(4, 8);
  const KeyRef key = key_from(scheme, Bytes(16, 0x13), 1);
  const auto reason_of = [&](Sealer &sealer, std::uint32_t ssrc) {
    sealer.set_stream(ssrc);
    return seal(sealer, key, opus(), FrameType::delta, noise(20), scheme).reason;
  };
  Sealer second(scheme);
  {
    Sealer first(scheme);
    EXPECT_EQ(reason_of(first, 5), Reason::ok);
    EXPECT_EQ(reason_of(second, 5), Reason::stream_in_use);
    EXPECT_EQ(reason_of(second, 6), Reason::ok);
    EXPECT_EQ(reason_of(second, 5), Reason::stream_in_use);
    EXPECT_EQ(reason_of(first, 9), Reason::ok);
    EXPECT_EQ(reason_of(second, 5), Reason::ok) << "the first one left it";
    EXPECT_EQ(reason_of(first, 5), Reason::stream_in_use);
  }
  const Bytes later = sealed_in(second, key, scheme, 9);
  EXPECT_EQ(header_of(later).counter, 1U) << "the stream that ended goes on counting";
  second.retain(KeyRing());
  Sealer third(scheme);
  EXPECT_EQ(reason_of(third, 9), Reason::ok) << "a withdrawn key is nobody's";
}

// ---- ratchet bits -------------------------------------------------------------------------------

TEST(SframeRatchetBits, TheKidIsKeyIdAndStep) {
  for (unsigned bits : {3U, 8U, 31U, 32U}) {
    const Scheme &scheme = scheme_of({.ratchet_bits = bits});
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    for (std::uint64_t generation :
         {std::uint64_t{0}, std::uint64_t{1}, mask, mask + 1, mask + 2}) {
      if (generation > 300)
        continue;
      const KeyRef key = key_from(scheme, Bytes(16, 0x14), 5, generation);
      Sealer sealer(scheme);
      EXPECT_EQ(header_of(sealed_by(sealer, key, scheme)).kid,
                std::uint64_t{5} << bits | (generation & mask));
      Sealer fixed(scheme, random_bytes, std::uint64_t{9} << bits);
      EXPECT_EQ(header_of(sealed_by(fixed, key, scheme)).kid,
                std::uint64_t{9} << bits | (generation & mask));
    }
    EXPECT_TRUE(key_from(scheme, Bytes(16, 1), kLast >> bits));
    EXPECT_FALSE(key_from(scheme, Bytes(16, 1), (kLast >> bits) + 1));
  }
  for (unsigned bits : {1U, 2U, 33U, 64U})
    EXPECT_EQ(scheme_for(kSframeId, {.ratchet_bits = bits}), nullptr) << bits;
}

// The step names the generation: skipped ones, and those behind the last number that it has.
TEST(SframeRatchetBits, SkippedAndWrappedStepsAreFound) {
  for (bool for_ssrc : {false, true}) {
    const Scheme &scheme = scheme_of({.ratchet_bits = 3, .per_ssrc = for_ssrc});
    EXPECT_EQ(scheme.max_window, 7U);
    const auto key = [&](std::uint64_t generation) {
      return key_from(scheme, Bytes(16, 0x15), 2, generation);
    };
    Opener opener(scheme);
    for (std::uint64_t now : {0, 3, 10, 11, 18}) {
      KeyRing ring;
      KeySlot &slot = ring.slot(2);
      for (std::uint64_t back = 0; back <= std::min<std::uint64_t>(now, 2); ++back)
        slot.keys.push_back(key(now - back));
      for (std::uint64_t ahead = 1; ahead <= 7; ++ahead)
        slot.ahead.push_back(key(now + ahead));
      for (std::uint64_t sent : {now, now + 1, now + 7}) {
        Sealer sealer(scheme);
        const Bytes frame = sealed_in(sealer, key(sent), scheme, 4);
        EXPECT_EQ(header_of(frame).kid, 16 + sent % 8);
        const Outcome outcome = opened_in(opener, ring, frame, 4);
        ASSERT_EQ(outcome.reason, Reason::ok) << now << ' ' << sent;
        EXPECT_EQ(outcome.opened.key->generation, sent);
      }
    }
  }
}

// ---- limits -------------------------------------------------------------------------------------

TEST(SframeLimits, R3_ACounterAtItsEndIsNotWrappedInAnySuite) {
  for (unsigned suite = 1; suite <= 8; ++suite) {
    const Scheme &scheme = per_ssrc(suite);
    const KeyRef key = key_from(scheme, Bytes(32, 0x16), 8);
    const StreamKeys keys(*scheme.suite);
    (*counter_of(*scheme.suite, keys.secret_of(*key, 3).view(), 8))->set_for_tests(kLast - 1);
    Sealer sealer(scheme, random_bytes, 8);
    EXPECT_EQ(header_of(sealed_in(sealer, key, scheme, 3)).counter, kLast - 1);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(seal(sealer, key, opus(), FrameType::delta, noise(20), scheme).reason,
                Reason::key_limit);
  }
}

TEST(SframeLimits, KidsOfEveryLength) {
  for (unsigned bytes = 1; bytes <= 8; ++bytes) {
    const std::uint64_t kid = kLast >> (64 - 8 * bytes);
    const Scheme &scheme = sframe(6, true);
    const KeyRef key = key_from(scheme, Bytes(32, 0x17), kid);
    Sealer sealer(scheme, random_bytes, kid);
    const Bytes frame = sealed_by(sealer, key, scheme);
    EXPECT_EQ(header_of(frame).size, 1 + bytes);
    expect_opens(ring_of({key}), opus(), frame, noise(20), scheme);
  }
}

// A tag of 32 bits is guessed once in four billion tries: a million must not do it, the good frames
// among them pass, and no try is cheaper than to count it.
TEST(SframeLimits, R9_AMillionForgedTags) {
  const Scheme &scheme = sframe(8, true);
  const KeyRef key = key_from(scheme, Bytes(32, 0x18), 1);
  const KeyRing ring = ring_of({key});
  Sealer sealer(scheme, random_bytes, 1);
  Opener opener(scheme);
  Bytes forged = sealed_by(sealer, key, scheme);
  ASSERT_EQ(open(opener, ring, opus(), forged, Place::in_place).reason, Reason::ok);
  const std::uint32_t right = load_be32(forged.data() + forged.size() - 4);
  constexpr std::uint32_t kTries = 1 << 20;
  Bytes out(forged.size());
  std::uint32_t passed = 0;
  for (std::uint32_t i = 1; i <= kTries; ++i) {
    store_be32(forged.data() + forged.size() - 4, right + i);
    const Result<Opened, Unopened> opened = opener.open(ring, opus(), forged, out);
    passed += opened ? 1 : 0;
    if (!opened && opened.refusal().reason != Reason::auth_failed)
      ++passed;
  }
  EXPECT_EQ(passed, 0U);
  EXPECT_EQ(opener.failures(), kTries);
  expect_opens(ring, opus(), sealed_by(sealer, key, scheme), noise(20), scheme);
}

}  // namespace e2ee::test
