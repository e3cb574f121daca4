/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What libwebrtc would write into an SPS of H.264 is in there before anyone authenticates it.
#include "core/sps.h"

#include <bitset>

#include "helpers.h"
#include "support/nalunits.h"

namespace e2ee::test {

namespace {

std::string u(unsigned bits, unsigned value) {
  return std::bitset<32>(value).to_string().substr(32 - bits);
}
std::string ue(unsigned value) {
  const std::string all = std::bitset<32>(value + 1).to_string();
  const std::string digits = all.substr(all.find('1'));
  return std::string(digits.size() - 1, '0') + digits;
}

// As a NAL unit.
Bytes unit_of(std::string bits) {
  bits += '1';
  bits.resize((bits.size() + 7) / 8 * 8, '0');
  Bytes bytes;
  for (std::size_t at = 0; at < bits.size(); at += 8)
    bytes.push_back(static_cast<std::uint8_t>(std::bitset<8>(bits, at, 8).to_ulong()));
  return nal::escaped(bytes);
}

constexpr unsigned kBaseline = 66, kMain = 77, kHigh = 100;
const std::string kCountZero = ue(0) + ue(2);
const std::string kCountOne = ue(1) + "0" + ue(3) + ue(4) + ue(2) + ue(1) + ue(2);
const std::string kCountTwo = ue(2);
const std::string kPlainChroma = ue(1) + ue(0) + ue(0) +
                                 "0"
                                 "0";

// Up to the flag of the VUI.
std::string sps(unsigned profile, const std::string &count, unsigned references,
                const std::string &chroma = "") {
  return u(8, 0x67) + u(8, profile) + u(8, 0) + u(8, 31) + ue(0) + chroma + ue(4) + count +
         ue(references) + "0" + ue(19) + ue(11) +
         "1"
         "1"
         "0";
}

// Behind it, up to the flag of the restriction.
const std::string kEmptyVui =
    "1"
    "00000000";
const std::string kHrd = ue(1) + u(8, 0x12) + ue(5) + ue(6) + "0" + ue(7) + ue(8) + "1" + u(20, 99);
const std::string kFullVui =
    "1"
    "1" +
    u(8, 255) + u(32, 0x00100000) +
    "1"
    "0"
    "1" +
    u(4, 11) + "1" + u(24, 0x010101) + "1" + ue(2) + ue(3) + "1" + u(32, 1) + u(32, 40) +
    "1"
    "1" +
    kHrd + "1" + kHrd +
    "0"
    "1";

std::string restriction(unsigned reorder, unsigned buffering) {
  return "1"
         "1" +
         ue(2) + ue(1) + ue(16) + ue(16) + ue(reorder) + ue(buffering);
}

void expect_same(const Bytes &unit) {
  EXPECT_FALSE(sps_in_order(unit)) << to_hex(unit);
}
void expect_becomes(const std::string &from, const std::string &to) {
  const auto got = sps_in_order(unit_of(from));
  ASSERT_TRUE(got) << from;
  EXPECT_EQ(to_hex(*got), to_hex(unit_of(to)));
  expect_same(*got);
}

}  // namespace

TEST(Sps, SaysThatPicturesComeInOrderWhereTheyMust) {
  for (const std::string &chroma : {kPlainChroma,
                                    ue(3) + "0" + ue(0) + ue(0) +
                                        "0"
                                        "0",
                                    // Of twelve scaling lists one ends early, one is whole.
                                    ue(3) + "0" + ue(0) + ue(0) +
                                        "0"
                                        "1"
                                        "1" +
                                        ue(16) + "0000" + "1" + std::string(16, '1') + "000000"}) {
    const std::string high = sps(kHigh, kCountTwo, 2, chroma);
    expect_becomes(high + "0", high + kEmptyVui + restriction(0, 2));
  }
  const std::string baseline = sps(kBaseline, kCountZero, 3);
  const std::string counted = sps(kBaseline, kCountOne, 3);
  expect_becomes(baseline + "0", baseline + kEmptyVui + restriction(0, 3));
  expect_becomes(counted + "0", counted + kEmptyVui + restriction(0, 3));
  for (const std::string &vui : {kEmptyVui, kFullVui}) {
    expect_becomes(baseline + vui + "0", baseline + vui + restriction(0, 3));
    expect_becomes(baseline + vui + restriction(0, 5), baseline + vui + restriction(0, 3));
  }
}

TEST(Sps, StaysWhereItSaysSoOrTheOrderIsNotKnown) {
  const std::string main = sps(kMain, kCountZero, 4);
  expect_same(unit_of(main + "0"));
  expect_same(unit_of(main + kFullVui + "0"));
  // A B picture that nothing refers to needs no second reference.
  for (const unsigned references : {0U, 1U})
    expect_same(unit_of(sps(kMain, kCountZero, references) + "0"));
  expect_same(unit_of(main + kFullVui + restriction(2, 4)));
  expect_same(unit_of(main + kFullVui + restriction(0, 4)));
  // Of openh264enc, and of x264enc with and without B frames.
  for (const char *hex : {"6742c00c8c8d40a0c900f08846a0",
                          "67640014acb202833602d418181a94000003000400000300a23c50a920",
                          "67640014acd941419b016a0c0c0d4a000003000200000300511e28532c"})
    expect_same(from_hex(hex).value());
}

TEST(Sps, OneThatCannotBeReadStays) {
  const Bytes whole = unit_of(sps(kHigh, kCountTwo, 1, kPlainChroma) + kFullVui + "0");
  ASSERT_TRUE(sps_in_order(whole));
  for (std::size_t size = 1; size + 1 < whole.size(); ++size)
    expect_same(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  expect_same(unit_of(sps(kBaseline, kCountZero, 17) + "0"));
  expect_same(unit_of(sps(kBaseline, kCountZero, 1) + "0"
                                                      "1"));
  expect_same(Bytes(4000, 0x67));
  for (std::uint32_t i = 0; i < 20000; ++i) {
    Bytes bytes = noise(1 + i % 90, i);
    bytes[0] = 0x67;
    if (const auto got = sps_in_order(bytes)) {
      EXPECT_LT(got->size(), bytes.size() + 16);
      expect_same(*got);
    }
  }
}

TEST(Sps, OfAKeyFrameIsSentAsItWillStay) {
  const std::string open = sps(kBaseline, kCountZero, 1);
  const auto frame = [](const std::string &bits) {
    Bytes bytes = nal::stream_of({unit_of(bits), {0x68, 0xce, 0x3c, 0x80}, {0x65, 0xb8, 0x40}});
    const Bytes picture = noise(300);
    bytes.insert(bytes.end(), picture.begin(), picture.end());
    return bytes;
  };
  const KeyRef key = raw_key(7);
  Sealer sealer(livekit());
  const Bytes plain = frame(open + "0");
  const Sealed sealed = seal(sealer, key, h264(), FrameType::key, plain);
  ASSERT_EQ(sealed.reason, Reason::ok);
  EXPECT_LE(sealed.frame.size(), plain.size() + livekit().overhead + h264().extra_room(plain));
  expect_opens(ring_of({key}), h264(), sealed.frame, frame(open + kEmptyVui + restriction(0, 1)));
}

}  // namespace e2ee::test
