/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames that come before their key, and what bounds the waiting.
#include <algorithm>

#include "keywait.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {

TEST_F(KeyWait, ALateKeyLosesNothing) {
  const std::vector<SealedFrame> frames = sealed_frames(20, sender_);
  Element &decryptor = start(2 * GST_SECOND);
  const Order order(decryptor, frames);
  const Later key(Milliseconds(500), [this] { set_key(); });
  const auto began = std::chrono::steady_clock::now();
  push(frames, 0, 20);
  ASSERT_TRUE(gst_harness_push_event(decryptor.harness(), gst_event_new_eos()));
  EXPECT_LT(std::chrono::steady_clock::now() - began, Milliseconds(300)) << "push was blocked";
  EXPECT_EQ(decryptor.stat("held"), 20U);
  EXPECT_EQ(order.frames(), 0U);
  ASSERT_TRUE(wait_for([&] { return order.count("eos") == 1; }));
  EXPECT_EQ(order.seen(), sequence(0, 20, "eos"));
  EXPECT_GE(*order.time_of("frame 0"), Milliseconds(400));
  EXPECT_LT(*order.time_of("frame 0"), Milliseconds(1500)) << "well before the wait is over";
  EXPECT_EQ(decryptor.dropped(), 0U);
  EXPECT_EQ(decryptor.stat("held"), 0U);
  EXPECT_EQ(decryptor.stat("frames-out"), 20U);
  const BusLog log = decryptor.bus();
  EXPECT_NE(log.find("missing-key"), nullptr) << "a user should know why nothing is seen";
  EXPECT_NE(log.find("ok"), nullptr);
}

TEST_F(KeyWait, AKeyThatIsTooLateCostsTheFrames) {
  const std::vector<SealedFrame> frames = sealed_frames(10, sender_);
  Element &decryptor = start(100 * GST_MSECOND);
  const Order order(decryptor, frames);
  push(frames, 0, 5);
  ASSERT_TRUE(wait_for([&] { return decryptor.stat("dropped-held") == 5; }));
  EXPECT_EQ(decryptor.stat("held"), 0U);
  set_key();
  push(frames, 5, 10);
  ASSERT_TRUE(wait_for([&] { return order.frames() == 5; }));
  EXPECT_EQ(order.seen(), sequence(5, 10));
  EXPECT_EQ(decryptor.dropped(), 5U) << "counted once, as dropped-held";
  gst_element_set_state(decryptor.get(), GST_STATE_READY);  // what waits to be told is told
  EXPECT_EQ(decryptor.bus().total("missing-key"), 5U) << "told once for each";
}

TEST_F(KeyWait, EosWaitsUntilTheDeadlineAndNoLonger) {
  const std::vector<SealedFrame> frames = sealed_frames(3, sender_);
  Element &decryptor = start(200 * GST_MSECOND);
  const Order order(decryptor, frames);
  push(frames, 0, 3);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  ASSERT_TRUE(wait_for([&] { return order.count("eos") == 1; }));
  EXPECT_GE(*order.time_of("eos"), Milliseconds(190));
  EXPECT_LT(*order.time_of("eos"), Milliseconds(200) + kLeeway);
  EXPECT_EQ(decryptor.stat("dropped-held"), 3U);
}

TEST_F(KeyWait, AWrongKeyEndsTheWait) {
  const std::vector<SealedFrame> frames = sealed_frames(3, sender_);
  Element &decryptor = start(5 * GST_SECOND);
  const Order order(decryptor, frames);
  push(frames, 0, 3);
  set_raw(receiver_, 0x99, 0);
  ASSERT_TRUE(wait_for([&] { return decryptor.stat("dropped-auth") == 3; }));
  EXPECT_EQ(order.frames(), 0U);
  EXPECT_EQ(decryptor.stat("held"), 0U);
}

TEST_F(KeyWait, NothingIsHeldWhenTheKeyIsThere) {
  const std::vector<SealedFrame> frames = sealed_frames(5, sender_);
  set_key();
  Element &decryptor = start(5 * GST_SECOND);
  for (const SealedFrame &frame : frames)
    EXPECT_EQ(decryptor.pass(frame.sealed), frame.plain) << "at once, in push()";
  EXPECT_EQ(decryptor.stat("held"), 0U);
}

// Anyone can write any key index behind a frame. Here every third frame is such; the others get
// through, and none is late by more than one wait.
TEST_F(KeyWait, ForgedKeyIndicesDelayOthersByOneWaitAtMost) {
  constexpr Milliseconds kWait(250);
  const std::vector<SealedFrame> frames = sealed_frames(60, sender_);
  set_key();
  Element &decryptor = start(250 * GST_MSECOND);
  const Order order(decryptor, frames);
  const auto began = std::chrono::steady_clock::now();
  std::vector<Milliseconds> pushed;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Bytes frame = frames[i].sealed;
    if (i % 3 == 1)
      frame.back() = static_cast<guint8>(1 + i % 15);
    pushed.push_back(
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began));
    ASSERT_EQ(decryptor.push(frame), GST_FLOW_OK);
    sleep_ms(8);
  }
  ASSERT_TRUE(wait_for([&] { return order.frames() == 40; }));
  EXPECT_EQ(decryptor.stat("dropped-held"), 20U);
  EXPECT_EQ(decryptor.dropped(), 20U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::optional<Milliseconds> out = order.time_of("frame " + std::to_string(i));
    ASSERT_EQ(out.has_value(), i % 3 != 1) << "frame " << i;
    if (out) {
      EXPECT_LT(*out - pushed[i], kWait + kLeeway) << "frame " << i;
    }
  }
}

// An index that no ring can have is not worth a look-up, and must not be worth more than a wait.
TEST_F(KeyWait, AnIndexOutsideEveryRingIsBounded) {
  const std::vector<SealedFrame> frames = sealed_frames(2, sender_);
  set_key();
  Element &decryptor = start(100 * GST_MSECOND);
  const Order order(decryptor, frames);
  Bytes forged = frames[0].sealed;
  forged.back() = 255;
  decryptor.push(forged);
  push(frames, 1, 2);
  ASSERT_TRUE(wait_for([&] { return order.frames() == 1; }));
  EXPECT_LT(*order.time_of("frame 1"), Milliseconds(100) + kLeeway);
}

TEST_F(KeyWait, BytesAreBoundedAndTheOldestGoFirst) {
  constexpr guint kMost = 20000;
  constexpr guint kBookkeeping = 1024;  // that a frame counts beside its bytes
  const std::vector<SealedFrame> frames = sealed_frames(40, sender_);
  g_object_set(decryptor_.get(), "key-wait-bytes", kMost, nullptr);
  Element &decryptor = start(10 * GST_SECOND);
  const Order order(decryptor, frames);
  const auto began = std::chrono::steady_clock::now();
  push(frames, 0, 40);
  EXPECT_LT(std::chrono::steady_clock::now() - began, Milliseconds(1000)) << "push was blocked";
  const std::size_t first = 40 - decryptor.stat("held");
  EXPECT_EQ(decryptor.stat("dropped-held"), first);
  // As many of the last ones as fit, or an eighth less: they are given up several at a time.
  std::size_t bytes = 0;
  for (std::size_t i = first; i < 40; ++i)
    bytes += frames[i].sealed.size() + kBookkeeping;
  EXPECT_LE(bytes, kMost);
  ASSERT_GT(first, 0U);
  EXPECT_GT(bytes + frames[first - 1].sealed.size() + kBookkeeping, kMost - kMost / 8);
  set_key();
  ASSERT_TRUE(wait_for([&] { return order.frames() >= 40 - first; }));
  EXPECT_EQ(order.seen(), sequence(first, 40));
  EXPECT_EQ(decryptor.stat("dropped-held"), first);
}

TEST_F(KeyWait, AFrameThatIsLargerThanTheBoundIsDropped) {
  const std::vector<SealedFrame> frames = sealed_frames(3, sender_);
  g_object_set(decryptor_.get(), "key-wait-bytes", 50U, nullptr);
  Element &decryptor = start(10 * GST_SECOND);
  push(frames, 0, 3);
  EXPECT_TRUE(wait_for([&] { return decryptor.stat("dropped-held") == 3; }));
}

namespace {

gboolean answer_latency(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return gst_pad_query_default(pad, parent, query);
  gst_query_set_latency(query, TRUE, 20 * GST_MSECOND, 50 * GST_MSECOND);
  return TRUE;
}

struct Latency {
  gboolean live = FALSE;
  GstClockTime min = 0;
  GstClockTime max = 0;
};

Latency latency_of(Element &decryptor) {
  gst_pad_set_query_function(decryptor.harness()->srcpad, answer_latency);
  GstQuery *query = gst_query_new_latency();
  EXPECT_TRUE(gst_pad_peer_query(decryptor.harness()->sinkpad, query));
  Latency latency;
  gst_query_parse_latency(query, &latency.live, &latency.min, &latency.max);
  gst_query_unref(query);
  return latency;
}

}  // namespace

TEST_F(KeyWait, LatencyMayGrowByTheWait) {
  const Latency latency = latency_of(start(2 * GST_SECOND));
  EXPECT_TRUE(latency.live);
  EXPECT_EQ(latency.min, 20 * GST_MSECOND);
  EXPECT_EQ(latency.max, 2050 * GST_MSECOND);
}

TEST_F(KeyWait, LatencyIsAsItWasWithoutAWait) {
  const Latency latency = latency_of(start(0));
  EXPECT_EQ(latency.min, 20 * GST_MSECOND);
  EXPECT_EQ(latency.max, 50 * GST_MSECOND);
}

// The largest value that the property takes, which people write for "for ever".
TEST_F(KeyWait, ForeverOverflowsNoLatency) {
  const Latency latency = latency_of(start(G_MAXUINT64));
  EXPECT_GE(latency.max, 50 * GST_MSECOND + GST_SECOND) << "more than without a wait";
}

TEST_F(KeyWait, ForeverHoldsWithoutSpinning) {
  const std::vector<SealedFrame> frames = sealed_frames(2, sender_);
  Element &decryptor = start(G_MAXUINT64);
  const Order order(decryptor, frames);
  push(frames, 0, 2);
  sleep_ms(1200);  // messages with what happened in between come once a second
  EXPECT_LE(decryptor.bus().total("missing-key"), 10U) << "looked for the key in a loop";
  EXPECT_EQ(decryptor.dropped(), 0U);
  set_key();
  EXPECT_TRUE(wait_for([&] { return order.frames() == 2; }));
}

}  // namespace e2ee::test
