/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames that come twice.
#include "holding.h"
#include "support/element.h"
#include "support/files.h"

namespace e2ee::test {
namespace {

constexpr guint kWindow = 16;

class Replay : public testing::Test {
 protected:
  Replay() : frames_(sealed_frames(kWindow * 2, provider_)) {}

  Element &receiver(guint window) {
    g_object_set(decryptor_.get(), "replay-window", window, nullptr);
    return decryptor_.start(kVp8);
  }
  // Pushes frames from..to-1 and says how many came out.
  std::size_t passes(std::size_t from, std::size_t to) {
    std::size_t passed = 0;
    for (std::size_t i = from; i < to; ++i) {
      if (std::optional<Bytes> out = decryptor_.pass(frames_[i].sealed)) {
        EXPECT_EQ(*out, frames_[i].plain);
        ++passed;
      }
    }
    return passed;
  }

  const Provider provider_ = raw_provider(0x51);
  const std::vector<SealedFrame> frames_;
  Element decryptor_{"e2eedecrypt", provider_};
};

}  // namespace

TEST_F(Replay, DuplicatesAreDropped) {
  receiver(kWindow);
  EXPECT_EQ(passes(0, kWindow), kWindow);
  EXPECT_EQ(passes(0, kWindow), 0U);
  EXPECT_EQ(decryptor_.stat("dropped-replayed"), kWindow);
  EXPECT_EQ(decryptor_.dropped(), kWindow);
  EXPECT_NE(decryptor_.bus().find("replayed"), nullptr);
  EXPECT_EQ(passes(kWindow, kWindow + 1), 1U) << "later frames go on";
}

TEST_F(Replay, TheWindowIsAsLongAsItSays) {
  receiver(kWindow);
  EXPECT_EQ(passes(0, kWindow + 1), kWindow + 1);
  // Frame 0 is the one that has left the window; taking it in pushes frame 1 out.
  EXPECT_EQ(passes(2, kWindow + 1), 0U);
  EXPECT_EQ(passes(0, 1), 1U);
}

TEST_F(Replay, FramesInAnotherOrderAreNone) {
  receiver(kWindow);
  EXPECT_EQ(passes(8, 16), 8U);
  EXPECT_EQ(passes(0, 8), 8U);
}

TEST_F(Replay, FramesThatDidNotVerifyAreNotRemembered) {
  receiver(kWindow);
  Bytes forged = frames_[0].sealed;
  forged[frames_[0].sealed.size() - 20] ^= 1;  // its tag; the IV stays
  EXPECT_FALSE(decryptor_.pass(forged));
  EXPECT_EQ(passes(0, 1), 1U);
  EXPECT_EQ(decryptor_.stat("dropped-auth"), 1U);
  EXPECT_EQ(decryptor_.stat("dropped-replayed"), 0U);
}

TEST_F(Replay, OffByDefault) {
  decryptor_.start(kVp8);
  EXPECT_EQ(passes(0, 4), 4U);
  EXPECT_EQ(passes(0, 4), 4U);
}

TEST_F(Replay, AfterAFlushTheSameFramesPass) {
  receiver(kWindow);
  EXPECT_EQ(passes(0, 4), 4U);
  flush(decryptor_);
  EXPECT_EQ(passes(0, 4), 4U);
  EXPECT_EQ(passes(0, 4), 0U) << "the window is on again";
}

// ---- how long it is remembered ------------------------------------------------------------------

namespace {

/// Frames of a scheme, the first half of which have been received.
class Remembers : public testing::TestWithParam<const char *> {
 protected:
  Remembers() {
    Element encryptor("e2eeencrypt", provider_);
    encryptor.set("scheme", GetParam());
    encryptor.start(kOpus);
    for (unsigned i = 0; i < kWindow; ++i)
      frames_.push_back(encryptor.pass(noise(40, i)).value());
    set_up(decryptor_);
    EXPECT_EQ(passes(0, kWindow / 2), kWindow / 2);
  }
  static void set_up(Element &decryptor) {
    decryptor.set("scheme", GetParam());
    g_object_set(decryptor.get(), "replay-window", kWindow, nullptr);
    decryptor.start(kOpus);
  }
  std::size_t passes(std::size_t from, std::size_t to) {
    std::size_t passed = 0;
    for (std::size_t i = from; i < to; ++i)
      passed += decryptor_.pass(frames_[i]) ? 1 : 0;
    return passed;
  }
  // Each frame passes once, whatever happened.
  void expect_remembered() {
    EXPECT_EQ(passes(0, kWindow), kWindow / 2);
    EXPECT_EQ(passes(0, kWindow), 0U);
    EXPECT_EQ(decryptor_.stat("dropped-replayed"), kWindow / 2 + kWindow);
    EXPECT_EQ(decryptor_.dropped(), kWindow / 2 + kWindow);
  }
  // Through `state` and back.
  void restart(GstState state) {
    gst_element_set_state(decryptor_.get(), state);
    gst_element_set_state(decryptor_.get(), GST_STATE_PLAYING);
    gst_harness_push_event(decryptor_.harness(), gst_event_new_stream_start("again"));
    decryptor_.set_caps(kOpus);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(decryptor_.harness(), gst_event_new_segment(&segment));
  }

  const Provider provider_ = raw_provider(0x53);
  std::vector<Bytes> frames_;
  Element decryptor_{"e2eedecrypt", provider_};
};

}  // namespace

TEST_P(Remembers, R5_OverReady) {
  restart(GST_STATE_READY);
  expect_remembered();
}

TEST_P(Remembers, R5_OverNull) {
  restart(GST_STATE_NULL);
  expect_remembered();
}

TEST_P(Remembers, R5_WhenTheSameKeyIsSetAgain) {
  set_raw(provider_, 0x53, 0);
  expect_remembered();
}

TEST_P(Remembers, R5_WhenTheKeyWasAway) {
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(provider_), 0, nullptr));
  set_raw(provider_, 0x54, 0);
  set_raw(provider_, 0x53, 0);
  expect_remembered();
}

TEST_P(Remembers, R5_WhenAnotherProviderHasTheKey) {
  gst_element_set_state(decryptor_.get(), GST_STATE_READY);
  g_object_set(decryptor_.get(), "key-provider", raw_provider(0x53).get(), nullptr);
  restart(GST_STATE_READY);
  expect_remembered();
}

TEST_P(Remembers, R5_AnewInANewElement) {
  Element another("e2eedecrypt", provider_);
  set_up(another);
  for (const Bytes &frame : frames_)
    EXPECT_TRUE(another.pass(frame));
}

TEST_P(Remembers, R5_AnewAfterAFlush) {
  flush(decryptor_);
  EXPECT_EQ(passes(0, kWindow), kWindow);
  EXPECT_EQ(passes(0, kWindow), 0U);
}

INSTANTIATE_TEST_SUITE_P(Schemes, Remembers, testing::Values("livekit", "sframe"),
                         [](const auto &test) { return std::string(test.param); });

// A recording with a window: seeking back plays the same frames again.
TEST(ReplayInARecording, ASeekPlaysTheSameFramesAgain) {
  const Provider provider = raw_provider(0x52);
  const KeyFile file("recorded", "");
  Pipeline record(
      "videotestsrc num-buffers=60 ! video/x-raw, width=64, height=64, framerate=30/1 ! vp8enc "
      "deadline=1 keyframe-max-dist=10 ! e2eeencrypt ! matroskamux ! filesink location=" +
          file.path(),
      provider);
  ASSERT_TRUE(record.run());
  record.stop();
  Pipeline play("filesrc location=" + file.path() +
                    " ! matroskademux ! e2eedecrypt name=decrypt replay-window=4096 ! fakesink "
                    "sync=false",
                provider);
  const Tap &opened = play.tap("decrypt");
  ASSERT_TRUE(play.run());
  ASSERT_EQ(opened.size(), 60U);
  ASSERT_TRUE(gst_element_seek_simple(play.pipeline(), GST_FORMAT_TIME,
                                      static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH), 0));
  ASSERT_TRUE(play.run());
  EXPECT_EQ(opened.size(), 120U);
  EXPECT_EQ(opened.distinct().size(), 60U);
  EXPECT_EQ(play.stat("decrypt", "dropped-replayed"), 0U);
}

}  // namespace e2ee::test
