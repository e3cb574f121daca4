/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Fail closed: what does not verify does not leave the element, is counted, and stops nothing.
#include <map>

#include "support/element.h"

namespace e2ee::test {
namespace {

struct Codec {
  const char *name;
  const char *caps;
  gsize clear;
};

void PrintTo(const Codec &codec, std::ostream *to) {
  *to << codec.name;
}

class Refusal : public testing::TestWithParam<Codec> {
 protected:
  void SetUp() override { decryptor.start(GetParam().caps); }

  // Refuses it for the reason that `counter` stands for.
  void expect_dropped(const Bytes &frame, const char *counter) {
    const guint64 before = decryptor.stat(counter);
    EXPECT_EQ(decryptor.pass(frame), std::nullopt);
    EXPECT_EQ(decryptor.stat(counter), before + 1) << counter;
  }

  void expect_alive() {
    EXPECT_EQ(decryptor.pass(sealed), plain) << "the next good frame did not pass";
    EXPECT_EQ(decryptor.stat("frames-in"), decryptor.stat("frames-out") + decryptor.dropped());
  }

  const Provider provider = raw_provider(0x31);
  const Bytes plain = vp8_key(60);
  const Bytes sealed = seal(provider, GetParam().caps, plain);
  Element decryptor{"e2eedecrypt", provider};
};

INSTANTIATE_TEST_SUITE_P(Codecs, Refusal,
                         testing::Values(Codec{"vp8", kVp8, 10}, Codec{"vp9", kVp9, 0},
                                         Codec{"opus", kOpus, 1}),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(Refusal, EveryFlippedBit) {
  ASSERT_EQ(sealed.size(), plain.size() + kOverhead);
  for (gsize bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes frame = sealed;
    frame[bit / 8] ^= static_cast<guint8>(1 << bit % 8);
    const char *counter = "dropped-auth";
    if (bit / 8 == sealed.size() - 2)
      counter = "dropped-malformed";  // the IV's length
    else if (bit / 8 == sealed.size() - 1)
      counter = "dropped-missing-key";  // the key index
    SCOPED_TRACE("bit " + std::to_string(bit));
    expect_dropped(frame, counter);
  }
  expect_alive();
}

TEST_P(Refusal, EveryTruncation) {
  for (gsize size = 1; size < sealed.size(); ++size) {
    EXPECT_EQ(decryptor.pass(Bytes(sealed.begin(), sealed.begin() + static_cast<long>(size))),
              std::nullopt)
        << size;
    EXPECT_EQ(decryptor.pass(Bytes(sealed.end() - static_cast<long>(size), sealed.end())),
              std::nullopt)
        << "the last " << size;
  }
  EXPECT_EQ(decryptor.dropped(), 2 * (sealed.size() - 1));
  expect_alive();
}

TEST_P(Refusal, FramesThatGrew) {
  for (unsigned extra : {1U, 12U, 16U, 30U}) {
    Bytes behind = sealed;
    behind.resize(sealed.size() + extra, 0x0c);
    EXPECT_EQ(decryptor.pass(behind), std::nullopt);
    Bytes before(extra, 0);
    before.insert(before.end(), sealed.begin(), sealed.end());
    EXPECT_EQ(decryptor.pass(before), std::nullopt);
  }
  expect_alive();
}

TEST_P(Refusal, OtherIvLengths) {
  for (guint8 length : {0, 1, 11, 13, 16, 255}) {
    Bytes frame = sealed;
    frame[frame.size() - 2] = length;
    expect_dropped(frame, "dropped-malformed");
    // With as many IV bytes as it says.
    frame.assign(sealed.begin(), sealed.end() - 14);
    frame.resize(frame.size() + length, 7);
    frame.push_back(length);
    frame.push_back(0);
    expect_dropped(frame, "dropped-malformed");
  }
  expect_alive();
}

TEST_P(Refusal, TinyFrames) {
  for (gsize size = 1; size <= 40; ++size) {
    expect_dropped(Bytes(size, 0), "dropped-malformed");
    EXPECT_EQ(decryptor.pass(noise(size, static_cast<unsigned>(size))), std::nullopt);
    Bytes trailer = noise(size, static_cast<unsigned>(100 + size));
    trailer[size - 1] = 0;
    if (size >= 2)
      trailer[size - 2] = 12;  // all of them say that they are ours
    EXPECT_EQ(decryptor.pass(trailer), std::nullopt);
    Bytes header = vp8_key(size);
    EXPECT_EQ(decryptor.pass(header), std::nullopt);
  }
  EXPECT_EQ(decryptor.dropped(), 4 * 40U);
  expect_alive();
}

TEST_P(Refusal, FramesInTheClear) {
  expect_dropped(plain, "dropped-malformed");
  expect_alive();
}

TEST_P(Refusal, WrongKey) {
  expect_dropped(seal(raw_provider(0x32), GetParam().caps, plain), "dropped-auth");
  expect_alive();
}

TEST_P(Refusal, AnotherKeysIndex) {
  set_raw(provider, 0x33, 4);
  Bytes frame = sealed;
  frame.back() = 4;
  expect_dropped(frame, "dropped-auth");
  frame.back() = 3;
  expect_dropped(frame, "dropped-missing-key");
  frame.back() = 255;
  expect_dropped(frame, "dropped-missing-key");
  expect_alive();
}

TEST_P(Refusal, NoKeyAtAll) {
  const Provider none = empty_provider();
  Element element("e2eedecrypt", none);
  element.start(GetParam().caps);
  EXPECT_EQ(element.pass(sealed), std::nullopt);
  EXPECT_EQ(element.stat("dropped-missing-key"), 1U);
  Element encryptor("e2eeencrypt", none);
  encryptor.start(GetParam().caps);
  EXPECT_EQ(encryptor.pass(plain), std::nullopt);
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
  set_raw(none, 0x31, 0);
  EXPECT_EQ(element.pass(sealed), plain);
  EXPECT_TRUE(encryptor.pass(plain).has_value());
}

// Codecs that leave different bytes in the clear do not open each other's frames; VP9 labelled as
// Opus would show a byte of ciphertext as the table of contents.
TEST_P(Refusal, AnotherCodecsFrame) {
  for (const Codec &other : {Codec{"vp8", kVp8, 10}, {"vp9", kVp9, 0}, {"opus", kOpus, 1}}) {
    if (other.clear == GetParam().clear)
      continue;
    SCOPED_TRACE(other.name);
    expect_dropped(seal(provider, other.caps, plain), "dropped-auth");
  }
  expect_alive();
}

TEST_P(Refusal, R9_ManyBadFramesLatchNothingOff) {
  Bytes bad = sealed;
  bad[bad.size() - 20] ^= 1;
  for (int i = 0; i < 5000; ++i)
    ASSERT_EQ(decryptor.pass(bad), std::nullopt);
  EXPECT_EQ(decryptor.stat("dropped-auth"), 5000U);
  expect_alive();
}

TEST(RefusalToEncrypt, FramesShorterThanTheClearHeader) {
  Element encryptor("e2eeencrypt", raw_provider(0x34));
  encryptor.start(kVp8);
  for (gsize size = 1; size < 10; ++size)
    EXPECT_EQ(encryptor.pass(vp8_key(size)), std::nullopt) << size;
  EXPECT_EQ(encryptor.stat("dropped-malformed"), 9U);
  EXPECT_TRUE(encryptor.pass(vp8_key(10)).has_value());
  for (gsize size = 1; size < 3; ++size)
    EXPECT_EQ(encryptor.pass(vp8_delta(size)), std::nullopt) << size;
  EXPECT_EQ(encryptor.stat("dropped-malformed"), 11U);
  EXPECT_TRUE(encryptor.pass(vp8_delta(3)).has_value());
  const BusLog log = encryptor.bus();
  ASSERT_NE(log.find("malformed"), nullptr);
  EXPECT_TRUE(log.errors.empty());
}

TEST(RefusalToEncrypt, WithSlackAndWithoutAKey) {
  const Provider provider = empty_provider();
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kVp8);
  Bytes roomy = vp8_key(100);
  roomy.resize(200);
  Region region(roomy);
  EXPECT_EQ(encryptor.push(region.wrap(100)), GST_FLOW_OK);
  EXPECT_FALSE(encryptor.pull());
  EXPECT_TRUE(region.released());
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
}

}  // namespace
}  // namespace e2ee::test
