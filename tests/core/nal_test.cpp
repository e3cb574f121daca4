/* SPDX-License-Identifier: LGPL-2.1-or-later */
// NAL units: clear bytes, and what RTP elements do to a sealed frame.
#include "core/nal.h"

#include <algorithm>
#include <bitset>
#include <random>

#include "helpers.h"
#include "support/nalunits.h"

namespace e2ee::test {

namespace {

const Bytes kSps = {0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d};
const Bytes kPps = {0x68, 0xce, 0x3c, 0x80};
const Bytes kAud = {0x09, 0x10};

// With a start code of `code` bytes.
Bytes coded(const Bytes &unit, std::size_t code = 4) {
  Bytes out(code, 0);
  out.back() = 1;
  out.insert(out.end(), unit.begin(), unit.end());
  return out;
}

// A unit whose payload holds no start code.
Bytes slice(std::uint8_t header, std::size_t size, std::uint32_t seed = 1) {
  Bytes unit = join({{header, 0x88}, noise(size, seed)});
  for (std::uint8_t &byte : unit)
    byte |= byte == 0 ? 0x10 : 0;
  return unit;
}
Bytes idr(std::size_t size, std::uint32_t seed = 1) {
  return slice(0x65, size, seed);
}

struct Codec {
  const char *name;
  std::uint8_t key, delta, sps, aud;
};
constexpr Codec kCodecs[] = {{"h264", 0x65, 0x41, 0x67, 0x09}, {"h265", 0x26, 0x02, 0x42, 0x46}};

Sealed seal_with(const KeyRef &key, const Bytes &frame, const CodecRule &codec = h264()) {
  Sealer sealer(livekit());
  return seal(sealer, key, codec, codec.frame_type(frame), frame);
}

void expect_opens_as(const KeyRef &key, const Bytes &sealed, const Bytes &plain) {
  expect_opens(ring_of({key}), h264(), sealed, plain);
}

}  // namespace

TEST(NalUnits, ThreeAndFourByteCodesAndZerosBetween) {
  const Bytes frame = join({{0},
                            coded(kAud),
                            coded(kSps, 3),
                            {0, 0, 0},
                            coded({}, 3),
                            coded(kPps, 4),
                            coded(idr(9), 3),
                            coded(idr(5))});
  NalReader reader(frame);
  EXPECT_FALSE(reader.stray());
  std::vector<Bytes> units;
  for (NalUnit unit; reader.next(unit);)
    units.push_back(bytes_from(unit.of(frame)));
  EXPECT_EQ(units, (std::vector<Bytes>{kAud, kSps, kPps, idr(9), idr(5)}));
  EXPECT_TRUE(NalReader(join({{1}, frame})).stray());
  const NalUnit slice = first_slice(frame, *h264().nal).value();
  Bytes sent(ClearHeader(frame, slice, *h264().nal).size());
  ClearHeader(frame, slice, *h264().nal).write(sent.data());
  EXPECT_EQ(sent, join({coded(kAud), coded(kSps), coded(kPps), coded({0x65, 0x88})}));
}

TEST(NalUnits, IdsOfParameterSets) {
  const struct {
    const CodecRule &codec;
    const char *unit;
    std::optional<unsigned> id;
  } units[] = {
      {h264(), "6742c00c8c8d40a0c900f08846a0", 0},
      {h264(), "6742c00c4c8d", 1},                         // SPS
      {h264(), "6f42c00c6c8d", 2},                         // subset SPS
      {h264(), "6d24", 3},                                 // SPS extension
      {h264(), "68045280", 33},                            // PPS
      {h264(), "6742c0", {}},                              // cut off in front of the id
      {h264(), "6588", {}},                                // a slice
      {h265(), "40013c01", 3},                             // VPS
      {h265(), "44016172", 2},                             // PPS
      {h265(), "44096172", {}},                            // of another layer
      {h265(), "4201010160000003009000000300000300", {}},  // SPS, cut off
      {h265(), "42010101600000030090000003000003005d602d16", 2},
      // Two sub-layers, the first with profile and level.
      {h265(),
       "42010501600000030090000003000003005dc0000160000003009000000300000300"
       "5d602d16",
       2},
  };
  for (const auto &[codec, hex, id] : units)
    EXPECT_EQ(codec.nal->set_id(from_hex(hex).value()), id) << hex;
}

TEST(NalSeal, ManyFramesOpenAndHaveNoStartCodeBehindTheFirstSlice) {
  const KeyRef key = raw_key(7);
  Sealer sealer(livekit());
  for (const Codec &codec : kCodecs) {
    const CodecRule &rule = *codec_named(codec.name);
    for (std::uint32_t i = 0; i < 3000; ++i) {
      // The second byte of a slice is zero at times: half a start code before the ciphertext.
      Bytes frame = join({coded({codec.sps, 1, 2, 3}),
                          coded({i % 3 == 0 ? codec.key : codec.delta, std::uint8_t(i % 2)}),
                          noise(i % 900, i), coded(slice(codec.delta, 20))});
      const Sealed sealed = seal(sealer, key, rule, rule.frame_type(frame), frame);
      ASSERT_EQ(sealed.reason, Reason::ok);
      const std::size_t clear = clear_bytes_of(rule, frame);
      const Bytes body(sealed.frame.begin() + static_cast<std::ptrdiff_t>(clear) - 2,
                       sealed.frame.end());
      for (std::size_t k = 0; k + 2 < body.size(); ++k)
        ASSERT_FALSE(body[k] == 0 && body[k + 1] == 0 && body[k + 2] < 3) << i << ", " << k;
      const Bytes tail(sealed.frame.end() - 30, sealed.frame.end());
      ASSERT_EQ(nal::escaped(tail), tail);
      Opener opener(livekit());
      const Outcome outcome = open(opener, ring_of({key}), rule, sealed.frame, Place::in_place);
      ASSERT_EQ(outcome.reason, Reason::ok);
      ASSERT_EQ(outcome.plaintext(), frame);
    }
  }
}

// libwebrtc reads the number of the PPS from an IDR slice before it is decrypted, and throws the
// frame away when it has seen none of that number. first_mb_in_slice 0 and slice_type 7 fill the
// clear byte, so that the number is ciphertext; behind slice_type 2 there is room for small ones.
TEST(NalSeal, AKeySliceKeepsTheNumberOfItsParameterSet) {
  const KeyRef key = raw_key(7);
  struct Slice {
    const char *what;
    Bytes head;  // up to and with pic_parameter_set_id, and a one behind it
    std::string bits;
  };
  const Slice slices[] = {{"type 7, set 0", {0x65, 0x88, 0xc0}, "1"},
                          {"type 7, set 1", {0x65, 0x88, 0x50}, "010"},
                          {"type 7, set 2", {0x65, 0x88, 0x70}, "011"},
                          {"type 2, set 4, the middle of it clear", {0x65, 0xb2, 0x98}, "1"}};
  for (const Slice &slice : slices) {
    for (std::uint32_t i = 0; i < 60; ++i) {
      const Bytes plain =
          join({coded(kSps, 3), coded(kPps, 3), Bytes{0, 0, 1}, slice.head, noise(200, i)});
      const Sealed sealed = seal_with(key, plain);
      ASSERT_EQ(sealed.reason, Reason::ok);
      const std::uint8_t first = sealed.frame[clear_bytes_of(h264(), sealed.frame)];
      EXPECT_EQ(std::bitset<8>(first).to_string().substr(0, slice.bits.size()), slice.bits)
          << slice.what;
    }
  }
}

// Set 200 is a number of fifteen bits, which no search finds in time.
TEST(NalSeal, ALongNumberOfAParameterSetLosesNoFrame) {
  const KeyRef key = raw_key(7);
  const Bytes plain = join({coded(kSps), coded({0x65, 0x88, 0x01, 0x92, 0x80}), noise(200)});
  expect_opens_as(key, seal_with(key, plain).frame, plain);
}

TEST(NalSeal, BigFramesAreEscapedAndOpen) {
  const KeyRef key = raw_key(7);
  std::size_t escapes = 0;
  for (std::uint32_t i = 0; i < 4 || (escapes == 0 && i < 60); ++i) {
    const Bytes frame = join({coded(kSps), coded(idr(3000000, i))});
    const Sealed sealed = seal_with(key, frame);
    ASSERT_EQ(sealed.reason, Reason::ok);
    escapes += sealed.frame.size() - frame.size() - livekit().overhead;
    Opener opener(livekit());
    for (Place place : {Place::in_place, Place::apart})
      ASSERT_TRUE(open(opener, ring_of({key}), h264(), sealed.frame, place).plaintext() == frame);
  }
  EXPECT_GT(escapes, 0U) << "180 MB of ciphertext with no three zeros: nothing was tested";
  EXPECT_LT(escapes, 100U);
}

TEST(NalSeal, InPlaceWithShortCodes) {
  const KeyRef key = raw_key(7);
  const Bytes plain = join({coded(kSps, 3), coded(kPps, 3), coded(idr(500), 3)});
  Bytes memory = plain;
  memory.resize(plain.size() + livekit().overhead + h264().extra_room(plain));
  Sealer sealer(livekit());
  const Result<Written> written =
      sealer.seal(key, h264(), FrameType::key, ByteView(memory).first(plain.size()), memory);
  ASSERT_TRUE(written);
  memory.resize(written->size);
  expect_opens_as(key, memory, join({coded(kSps), coded(kPps), coded(idr(500))}));
}

// So that native peers, which keep their number in 8 bits, find the ciphertext.
TEST(NalSeal, EncoderNotesGoWhereTheyWouldBeTooLong) {
  const KeyRef key = raw_key(7);
  const auto note = [](std::size_t size) {
    Bytes sei = {0x06, 0x05};
    for (std::size_t left = size; true; left -= 255) {
      sei.push_back(static_cast<std::uint8_t>(std::min<std::size_t>(left, 255)));
      if (left < 255)
        break;
    }
    const Bytes text(size, 'x');
    return join({sei, text, {0x80}});
  };
  const Bytes caption = {0x06, 0x04, 0x03, 0xb5, 0x00, 0x31, 0x80};
  const Bytes both = join({note(600), caption});
  const auto frame = [&](const Bytes &sei) {
    return join({coded(kSps), coded(kPps), coded(sei), coded(caption), coded(idr(50))});
  };
  const Bytes without = join({coded(kSps), coded(kPps), coded(caption), coded(idr(50))});
  expect_opens_as(key, seal_with(key, frame(note(600))).frame, without);
  expect_opens_as(key, seal_with(key, frame(note(100))).frame, frame(note(100)));
  EXPECT_EQ(is_key_frame(without, *h264().nal), true);
}

TEST(NalSeal, WithoutASlice) {
  const KeyRef key = raw_key(7);
  EXPECT_EQ(seal_with(key, join({coded(kSps), coded(kPps)})).reason, Reason::unsupported);
  EXPECT_EQ(seal_with(key, join({coded(kSps), coded({0x65})})).reason, Reason::unsupported)
      << "a slice of one byte";
  EXPECT_EQ(seal_with(key, join({kSps, coded(idr(20))})).reason, Reason::malformed)
      << "the first start code is missing";
  EXPECT_EQ(seal_with(key, idr(20)).reason, Reason::malformed);
  EXPECT_EQ(seal_with(key, coded({0x65, 0x88})).reason, Reason::ok) << "nothing to hide";
}

TEST(NalSeal, AMegabyteOfTinyUnits) {
  const KeyRef key = raw_key(7);
  Bytes frame;
  for (unsigned i = 0; i < (1U << 18); ++i)
    frame.insert(frame.end(), {0, 0, 1, 0x09});
  EXPECT_EQ(seal_with(key, frame).reason, Reason::unsupported);
  EXPECT_EQ(seal_with(key, join({frame, coded(idr(100))})).reason, Reason::ok);
  EXPECT_EQ(seal_with(key, Bytes(1048576, 0)).reason, Reason::unsupported);
  frame.insert(frame.end(), {0x0c, 0x00});
  Opener opener(livekit());
  EXPECT_NE(open(opener, ring_of({key}), h264(), frame, Place::in_place).reason, Reason::ok);
}

TEST(NalOpen, RandomBytesOfEveryLength) {
  const KeyRef key = raw_key(7);
  std::mt19937 random(3);
  for (const Codec &codec : kCodecs) {
    for (std::size_t size = 1; size <= 64; ++size) {
      for (unsigned kind = 0; kind < 40; ++kind) {
        Bytes frame = kind % 2 == 0 ? noise(size, random()) : zero_heavy(size, random);
        if (size >= 7 && kind % 4 == 1)
          std::copy_n(coded({codec.key, 0x88}).begin(), 6, frame.begin());
        if (size >= 2 && kind % 3 != 0)
          frame[size - 2] = 12;
        frame[size - 1] = kind % 5 == 0 ? 12 : 0;
        expect_refused(ring_of({key}), *codec_named(codec.name), frame, {});
        EXPECT_NE(seal_with(key, frame, *codec_named(codec.name)).reason, Reason::internal);
      }
    }
  }
}

// What a depayloader with sprop-parameter-sets and a payloader with config-interval put in.
TEST(NalOpen, ParameterSetsThatRtpElementsPutIn) {
  const KeyRef key = raw_key(7);
  const Bytes sei = {0x06, 0x01, 0x01, 0x22, 0x80};
  const Bytes sets = join({coded(kSps), coded(kPps)});
  const Bytes heads[] = {sets, join({sets, coded(sei)}), join({coded(kAud), sets, coded(sei)}),
                         join({coded(kAud), sets})};
  for (const Bytes &head : heads) {
    const Bytes plain = join({head, coded(idr(77))});
    const Bytes sealed = seal_with(key, plain).frame;
    const auto code = sealed.begin() + static_cast<std::ptrdiff_t>(head.size());
    const Bytes inserted = join({Bytes(sealed.begin(), code), sets, Bytes(code, sealed.end())});
    expect_opens_as(key, sealed, plain);
    expect_opens_as(key, join({sets, sealed}), plain);
    expect_opens_as(key, inserted, plain);
    expect_opens_as(key, join({sets, inserted}), plain);
  }
  const Bytes bare = join({coded(sei), coded(idr(77))});
  expect_opens_as(key, join({sets, seal_with(key, bare).frame}), bare);
}

// What h264parse puts in where it gets single units and gives access units.
TEST(NalOpen, DelimitersThatAParserPutsIn) {
  const KeyRef key = raw_key(7);
  const Bytes sets = join({coded(kSps), coded(kPps)});
  for (const Bytes &plain : {coded(idr(77)), join({sets, coded(idr(77))})}) {
    const Bytes sealed = seal_with(key, plain).frame;
    expect_opens_as(key, join({coded({0x09, 0xf0}), sealed}), plain);
    // Of the sender's, which was authenticated, nobody takes one away.
    const Bytes delimited = join({coded(kAud), plain});
    expect_opens_as(key, seal_with(key, delimited).frame, delimited);
  }
  const Bytes plain = coded(idr(77));
  const Bytes twice = join({coded(kAud), coded(kAud), seal_with(key, plain).frame});
  EXPECT_EQ(expect_refused(ring_of({key}), h264(), twice, plain), Reason::auth_failed);
}

TEST(NalOpen, ShortStartCodesAreTriedLongAndAsTheyCame) {
  const KeyRef key = raw_key(7);
  const Bytes plain = join({coded(kSps), coded(idr(40))});
  const Bytes sealed = seal_with(key, plain).frame;
  Bytes shortened(sealed.begin() + 1, sealed.end());
  shortened.erase(shortened.begin() + static_cast<std::ptrdiff_t>(3 + kSps.size()));
  expect_opens_as(key, shortened, join({coded(kSps, 3), coded(idr(40), 3)}));
}

// rtph264pay cuts zeros off the end of a NAL unit in a byte stream.
TEST(NalOpen, KeyIndexZeroThatWasCutOff) {
  const KeyRef zero = raw_key(7);
  const KeyRef twelve = raw_key(7, 12);
  const Bytes plain = join({coded(kSps), coded(idr(40))});
  for (unsigned i = 0; i < 600; ++i) {
    Bytes sealed = seal_with(zero, plain).frame;
    ASSERT_EQ(sealed.back(), 0);
    sealed.pop_back();
    Opener opener(livekit());
    ASSERT_EQ(open(opener, ring_of({zero}), h264(), sealed, Place::in_place).plaintext(), plain);
    ASSERT_EQ(open(opener, ring_of({zero, twelve}), h264(), sealed, Place::apart).plaintext(),
              plain);
  }
  expect_opens(ring_of({zero, twelve}), h264(), seal_with(twelve, plain).frame, plain);
}

TEST(NalOpen, AFrameWhoseKeyIsMissingStaysAsItIs) {
  const Bytes plain = join({coded(kSps), coded(idr(3000000, 5))});
  Sealed sealed = seal_with(raw_key(7, 3), plain);
  while (sealed.frame.size() == plain.size() + livekit().overhead)
    sealed = seal_with(raw_key(7, 3), plain);  // until there is an escape to leave alone
  Opener opener(livekit());
  const Outcome outcome =
      open(opener, ring_of({raw_key(7)}), h264(), sealed.frame, Place::in_place);
  EXPECT_EQ(outcome.reason, Reason::missing_key);
  EXPECT_TRUE(outcome.memory == sealed.frame);
}

TEST(NalOpen, NothingDecryptedIsLeftOfABadFrame) {
  const KeyRef key = raw_key(7);
  const Bytes plain = join({coded(kSps), coded(kPps), coded(idr(400))});
  const Bytes sealed = join({coded(kSps), seal_with(key, plain).frame});
  for (std::size_t at : {std::size_t{8}, std::size_t{60}, sealed.size() - 20, sealed.size() - 5}) {
    Bytes bad = sealed;
    bad[at] ^= 0x40;
    EXPECT_EQ(expect_refused(ring_of({key}), h264(), bad, plain), Reason::auth_failed);
  }
}

}  // namespace e2ee::test
