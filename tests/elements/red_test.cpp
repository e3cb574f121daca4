/* SPDX-License-Identifier: LGPL-2.1-or-later */
// e2eereddec: frames out of RED as RFC 2198 has it, repetitions in the place of what was lost.
#include <string>

#include "support/element.h"
#include "support/rtp.h"

namespace e2ee::test {
namespace {

const std::string kRed = std::string(kOpus) + ", redundancy=red";
constexpr unsigned kSamples = 960;  // a frame of 20 ms

// A frame of 20 ms whose number can be told.
Bytes opus(unsigned number) {
  return {31 << 3, static_cast<std::uint8_t>(number), 7};
}

// A repetition.
struct Old {
  unsigned number;
  unsigned age;  // in frames
  std::uint8_t payload_type = 111;
};

Bytes red(unsigned number, const std::vector<Old> &olds) {
  Bytes payload;
  Bytes contents;
  for (const Old &old : olds) {
    const Bytes frame = opus(old.number);
    const unsigned age = old.age * kSamples;
    payload.insert(payload.end(), {static_cast<std::uint8_t>(0x80 | old.payload_type),
                                   static_cast<std::uint8_t>(age >> 6),
                                   static_cast<std::uint8_t>((age << 2) | frame.size() >> 8),
                                   static_cast<std::uint8_t>(frame.size())});
    contents.insert(contents.end(), frame.begin(), frame.end());
  }
  payload.push_back(111);
  payload.insert(payload.end(), contents.begin(), contents.end());
  const Bytes newest = opus(number);
  payload.insert(payload.end(), newest.begin(), newest.end());
  return payload;
}

class RedDec : public Stage {
 public:
  RedDec() : Stage("e2eereddec") {
    set_caps(kRed.c_str());
    events();
  }

  // The numbers of the frames that leave when a payload comes; their times are those of the
  // numbers.
  std::vector<unsigned> take(const Bytes &payload, unsigned number, bool discont = false) {
    Buffer buffer = at_time(buffer_of(payload), number);
    if (discont)
      GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    std::vector<unsigned> numbers;
    frames_ = push(buffer.get());
    for (const Buffer &frame : frames_) {
      const Bytes bytes = bytes_of(frame.get());
      EXPECT_EQ(bytes.size(), 3U);
      EXPECT_EQ(GST_BUFFER_PTS(frame.get()), bytes[1] * kFrameTime);
      EXPECT_EQ(GST_BUFFER_DURATION(frame.get()), kFrameTime);
      numbers.push_back(bytes[1]);
    }
    return numbers;
  }
  void gap(unsigned number) {
    gst_harness_push_event(harness(), gst_event_new_gap(number * kFrameTime, kFrameTime));
  }
  const std::vector<Buffer> &frames() const { return frames_; }

 private:
  std::vector<Buffer> frames_;
};

using Numbers = std::vector<unsigned>;

TEST(RedDec, WithoutALossRepetitionsAreLeftOut) {
  RedDec dec;
  EXPECT_EQ(field_of(dec.out_caps(), "redundancy"), "");
  EXPECT_EQ(dec.take(red(1, {}), 1), Numbers({1}));
  EXPECT_EQ(dec.take(red(2, {{1, 1}}), 2), Numbers({2}));
  EXPECT_EQ(dec.take(red(3, {{1, 2}, {2, 1}}), 3), Numbers({3}));
}

TEST(RedDec, WhatIsFromBeforeTheStreamIsLeftOut) {
  RedDec dec;
  EXPECT_EQ(dec.take(red(5, {{3, 2}, {4, 1}}), 5), Numbers({5}));
  EXPECT_EQ(dec.take(red(6, {{0, 7}}), 6), Numbers({6}));  // before there was time
}

TEST(RedDec, WhatWasLostComesFromALaterPayload) {
  RedDec dec;
  EXPECT_EQ(dec.take(red(1, {}), 1), Numbers({1}));
  EXPECT_EQ(dec.take(red(3, {{1, 2}, {2, 1}}), 3, true), Numbers({2, 3}));
  EXPECT_FALSE(has_flag(dec.frames()[0].get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_FALSE(has_flag(dec.frames()[1].get(), GST_BUFFER_FLAG_DISCONT));
  // The newest in front: order in the payload is the sender's affair.
  EXPECT_EQ(dec.take(red(6, {{5, 1}, {4, 2}}), 6, true), Numbers({4, 5, 6}));
  // More is lost than what is repeated.
  EXPECT_EQ(dec.take(red(9, {{8, 1}}), 9, true), Numbers({8, 9}));
  EXPECT_TRUE(has_flag(dec.frames()[0].get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_FALSE(has_flag(dec.frames()[1].get(), GST_BUFFER_FLAG_DISCONT));
}

TEST(RedDec, RepetitionThatIsThereTwiceIsUsedOnce) {
  RedDec dec;
  dec.take(red(1, {}), 1);
  EXPECT_EQ(dec.take(red(4, {{2, 2}, {2, 2}, {3, 1}, {3, 1}}), 4), Numbers({2, 3, 4}));
}

TEST(RedDec, GapsAreToldWhereNothingFillsThem) {
  RedDec dec;
  dec.take(red(1, {}), 1);
  dec.gap(2);
  EXPECT_TRUE(dec.events().empty());
  EXPECT_EQ(dec.take(red(3, {{2, 1}}), 3), Numbers({2, 3}));
  EXPECT_TRUE(dec.events().empty());
  dec.gap(4);
  dec.gap(5);
  EXPECT_EQ(dec.take(red(6, {{5, 1}}), 6), Numbers({5, 6}));
  EXPECT_EQ(dec.events(), std::vector<std::string>({"gap"}));
  for (unsigned number = 7; number < 27; ++number)
    dec.gap(number);
  EXPECT_EQ(dec.events().size(), 12U);  // eight wait
  gst_harness_push_event(dec.harness(), gst_event_new_eos());
  EXPECT_EQ(dec.events().size(), 9U);
}

TEST(RedDec, OtherCodecsAndEmptyBlocksAreNoRepetitions) {
  RedDec dec;
  dec.take(red(1, {}), 1);
  EXPECT_EQ(dec.take(red(3, {{2, 1, 13}}), 3), Numbers({3}));  // comfort noise
  EXPECT_TRUE(dec.take({0xef, 0x0f, 0x00, 0x00, 0x6f}, 4).empty());
  EXPECT_EQ(dec.take(red(5, {}), 5), Numbers({5}));
}

TEST(RedDec, PauseIsNoLoss) {
  RedDec dec;
  dec.take(red(1, {}), 1);
  EXPECT_EQ(dec.take(red(12, {{1, 11}}), 12), Numbers({12}));
}

TEST(RedDec, MetasOfThePayloadAreThoseOfItsFrames) {
  RedDec dec;
  dec.take(red(1, {}), 1);
  Buffer payload = at_time(buffer_of(red(3, {{2, 1}})), 3);
  gst_e2ee_buffer_add_unprotected_meta(payload.get());
  const std::vector<Buffer> frames = dec.push(payload.get());
  ASSERT_EQ(frames.size(), 2U);
  for (const Buffer &frame : frames)
    EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(frame.get()));
}

TEST(RedDec, WhatIsNoRedIsDroppedAndToldOnce) {
  RedDec dec;
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(dec.element(), bus);
  for (unsigned number = 1; number < 4; ++number)
    EXPECT_TRUE(dec.take({0xef, 0x0f, 0x03, 0xff, 0x6f, 1}, number).empty());
  const BusLog log = drain(bus);
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("RFC 2198"), std::string::npos);
  gst_element_set_bus(dec.element(), nullptr);
  gst_object_unref(bus);
  EXPECT_EQ(dec.take(red(4, {}), 4), Numbers({4}));
}

TEST(RedDec, OpusWithoutRedAndEmptyFramesPass) {
  RedDec dec;
  EXPECT_EQ(dec.push(buffer_of(Bytes{}).get()).size(), 1U);
  dec.set_caps(kOpus);
  EXPECT_EQ(dec.take(opus(9), 9), Numbers({9}));
}

// ---- On the way there

TEST(RedDepay, PayloadIsAFrameAsItIs) {
  Stage depayloader("rtpe2eedepay");
  depayloader.set_caps(
      "application/x-rtp, media=audio, encoding-name=RED, clock-rate=48000, payload=63");
  const Bytes payload = noise(100, 1);
  const std::vector<Buffer> frames = depayloader.push(make_packet(payload, 1, 960, false).get());
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(bytes_of(frames[0].get()), payload);
  EXPECT_EQ(text_of(depayloader.out_caps()).find("audio/x-opus"), 0U);
  EXPECT_EQ(field_of(depayloader.out_caps(), "redundancy"), "red");
}

// As Opus they would be noise.
TEST(RedPay, FramesOfRedAreNotSent) {
  Stage payloader("rtpe2eepay");
  payloader.set_caps(kRed.c_str());
  EXPECT_NE(payloader.try_push(at_time(buffer_of(red(1, {})), 1).get()), GST_FLOW_OK);
}

}  // namespace
}  // namespace e2ee::test
