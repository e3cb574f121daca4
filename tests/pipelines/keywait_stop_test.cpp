/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Flushes and state changes in the middle of waiting for a key.
#include <atomic>

#include "keywait.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {

namespace {

constexpr Milliseconds kSoon(2000);

class KeyWaitStop : public KeyWait {
 protected:
  // Frame 0 is held back behind the decryptor: its key came, and the pad is blocked.
  void hold_in_push(Element &decryptor) {
    GstPad *src = gst_element_get_static_pad(decryptor.get(), "src");
    block_ = gst_pad_add_probe(
        src, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad *, GstPadProbeInfo *, gpointer blocked) {
          *static_cast<std::atomic<bool> *>(blocked) = true;
          return GST_PAD_PROBE_OK;
        },
        &blocked_, nullptr);
    push(frames_, 0, 2);
    set_key();
    ASSERT_TRUE(wait_for([this] { return blocked_.load(); }));
    gst_object_unref(src);
  }
  void unblock(Element &decryptor) {
    GstPad *src = gst_element_get_static_pad(decryptor.get(), "src");
    gst_pad_remove_probe(src, block_);
    gst_object_unref(src);
  }

  static void to_state(Element &decryptor, GstState state) {
    EXPECT_NE(gst_element_set_state(decryptor.get(), state), GST_STATE_CHANGE_FAILURE);
  }

  const std::vector<SealedFrame> frames_ = sealed_frames(8, sender_);
  std::atomic<bool> blocked_{false};
  gulong block_ = 0;
};

}  // namespace

TEST_F(KeyWaitStop, AFlushDropsWhatIsHeld) {
  Element &decryptor = start(20 * GST_SECOND);
  const Order order(decryptor, frames_);
  push(frames_, 0, 4);
  EXPECT_TRUE(returns_within(
      kSoon, [&] { flush(decryptor); }, [this] { set_key(); }));
  EXPECT_EQ(decryptor.stat("held"), 0U);
  EXPECT_EQ(decryptor.stat("dropped-held"), 4U);
  push(frames_, 4, 6);  // behind the flush, and held again
  EXPECT_EQ(decryptor.stat("held"), 2U);
  set_key();
  push(frames_, 6, 8);
  ASSERT_TRUE(wait_for([&] { return order.frames() >= 4; }));
  EXPECT_EQ(order.seen(), (std::vector<std::string>{"flush-start", "flush-stop", "segment",
                                                    "frame 4", "frame 5", "frame 6", "frame 7"}));
}

TEST_F(KeyWaitStop, WhileFlushingPushesReturnFlushing) {
  Element &decryptor = start(20 * GST_SECOND);
  push(frames_, 0, 1);
  gst_harness_push_event(decryptor.harness(), gst_event_new_flush_start());
  EXPECT_EQ(decryptor.push(frames_[1].sealed), GST_FLOW_FLUSHING);
  EXPECT_TRUE(wait_for([&] { return decryptor.stat("held") == 0; }));
  EXPECT_EQ(decryptor.stat("dropped-held"), 1U);
}

// Upstream does not send caps again behind a flush: they are what they were.
TEST_F(KeyWaitStop, CapsThatWaitedOutliveAFlush) {
  Element &decryptor = start(20 * GST_SECOND);
  const Order order(decryptor, frames_);
  push(frames_, 0, 1);
  const Caps caps(gst_caps_from_string("video/x-vp8, width=640, height=480"));
  gst_harness_push_event(decryptor.harness(), gst_event_new_caps(caps.get()));
  flush(decryptor);
  set_key();
  push(frames_, 1, 2);
  ASSERT_TRUE(wait_for([&] { return order.frames() == 1; }));
  EXPECT_EQ(order.count("caps 640"), 1U);
  const Caps now(gst_pad_get_current_caps(decryptor.harness()->sinkpad));
  EXPECT_TRUE(gst_caps_is_equal(now.get(), caps.get()));
}

// The same for another codec, where the old rule would refuse every frame.
TEST_F(KeyWaitStop, ACodecThatWaitedOutlivesAFlush) {
  const Bytes opus = noise(60, 9);
  const Bytes sealed = seal(sender_, kOpus, opus);
  Element &decryptor = start(20 * GST_SECOND);
  push(frames_, 0, 1);
  const Caps caps(gst_caps_from_string(kOpus));
  gst_harness_push_event(decryptor.harness(), gst_event_new_caps(caps.get()));
  flush(decryptor);
  set_key();
  EXPECT_EQ(decryptor.pass(sealed), opus);
}

TEST_F(KeyWaitStop, ReadyDropsWhatIsHeld) {
  Element &decryptor = start(20 * GST_SECOND);
  const Order order(decryptor, frames_);
  push(frames_, 0, 4);
  EXPECT_TRUE(returns_within(
      kSoon, [&] { to_state(decryptor, GST_STATE_READY); }, [this] { set_key(); }));
  EXPECT_EQ(decryptor.stat("held"), 0U);
  EXPECT_EQ(decryptor.stat("dropped-held"), 4U);
  set_key();
  to_state(decryptor, GST_STATE_PLAYING);
  decryptor.set_caps(kVp8);
  push(frames_, 4, 6);
  ASSERT_TRUE(wait_for([&] { return order.frames() >= 2; }));
  EXPECT_EQ(order.count("frame 4"), 1U);
  EXPECT_EQ(order.frames(), 2U) << "nothing of before";
}

TEST_F(KeyWaitStop, NullAndAwayWhileHolding) {
  Element &decryptor = start(20 * GST_SECOND);
  push(frames_, 0, 4);
  EXPECT_TRUE(returns_within(
      kSoon, [&] { to_state(decryptor, GST_STATE_NULL); }, [this] { set_key(); }));
  EXPECT_EQ(decryptor.stat("held"), 0U);
}

// An application that takes a branch out of a running pipeline blocks a pad and sets the elements
// behind it to NULL.
TEST_F(KeyWaitStop, ReadyWhileThePadIsBlocked) {
  Element &decryptor = start(20 * GST_SECOND);
  hold_in_push(decryptor);
  EXPECT_TRUE(returns_within(
      kSoon, [&] { to_state(decryptor, GST_STATE_READY); }, [&] { unblock(decryptor); }));
}

TEST_F(KeyWaitStop, AFlushWhileThePadIsBlocked) {
  Element &decryptor = start(20 * GST_SECOND);
  hold_in_push(decryptor);
  EXPECT_TRUE(returns_within(
      kSoon, [&] { flush(decryptor); }, [&] { unblock(decryptor); }));
}

TEST_F(KeyWaitStop, ManyCyclesWithFramesHeld) {
  Element &decryptor = start(20 * GST_SECOND);
  for (int i = 0; i < 50; ++i) {
    decryptor.push(frames_[0].sealed);
    ASSERT_TRUE(returns_within(
        kSoon,
        [&] {
          to_state(decryptor, GST_STATE_READY);
          to_state(decryptor, GST_STATE_PLAYING);
        },
        [this] { set_key(); }))
        << i;
    decryptor.set_caps(kVp8);
  }
  EXPECT_EQ(decryptor.stat("held"), 0U);
  EXPECT_EQ(decryptor.stat("frames-in"), 50U);
  EXPECT_EQ(decryptor.stat("frames-out"), 0U);
  EXPECT_EQ(decryptor.stat("dropped-held"), 50U);
}

// Frame 0 finds downstream at its end; while the next one is under way upstream hears of that.
TEST_F(KeyWaitStop, AFrameThatComesTooLateIsCounted) {
  Element &decryptor = start(20 * GST_SECOND);
  struct Downstream {
    std::atomic<unsigned> frames{0};
    std::atomic<bool> released{false};
  } downstream;
  GstPad *src = gst_element_get_static_pad(decryptor.get(), "src");
  gst_pad_add_probe(
      src, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *self = static_cast<Downstream *>(data);
        if (++self->frames == 2)
          wait_for([self] { return self->released.load(); });
        gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
        return GST_PAD_PROBE_HANDLED;
      },
      &downstream, nullptr);
  gst_object_unref(src);
  push(frames_, 0, 2);
  set_key();
  ASSERT_TRUE(wait_for([&] { return downstream.frames == 2; }));
  EXPECT_EQ(decryptor.push(frames_[2].sealed), GST_FLOW_EOS);
  EXPECT_EQ(decryptor.stat("dropped-held"), 1U);
  downstream.released = true;
  EXPECT_TRUE(wait_for([&] { return decryptor.stat("held") == 0; }));
}

}  // namespace e2ee::test
