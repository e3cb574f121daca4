/* SPDX-License-Identifier: LGPL-2.1-or-later */
// While frames wait for a key, nothing that came behind them goes before them, and nobody else
// waits.
#include "keywait.h"
#include "support/element.h"
#include "support/files.h"
#include "support/waiting.h"

namespace e2ee::test {

namespace {

void push_caps(Element &decryptor, const char *text) {
  const Caps caps(gst_caps_from_string(text));
  EXPECT_TRUE(gst_harness_push_event(decryptor.harness(), gst_event_new_caps(caps.get())));
}

void push_segment(Element &decryptor) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = GST_SECOND;
  EXPECT_TRUE(gst_harness_push_event(decryptor.harness(), gst_event_new_segment(&segment)));
}

class KeyWaitOrder : public KeyWait {
 protected:
  // Frame 0 waits for a key, something comes behind it, then frame 1; then comes the key. What was
  // between has to be seen between.
  void expect_between(const std::function<void(Element &)> &push_it, const std::string &name) {
    Element &decryptor = start(5 * GST_SECOND);
    const Order order(decryptor, frames_);
    push(frames_, 0, 1);
    push_it(decryptor);
    push(frames_, 1, 2);
    set_key();
    ASSERT_TRUE(wait_for([&] { return order.frames() >= 2; }));
    const std::vector<std::string> wanted = {"frame 0", name, "frame 1"};
    ASSERT_TRUE(wait_for([&] { return order.seen().size() >= wanted.size(); }));
    EXPECT_EQ(order.seen(), wanted);
  }

  const std::vector<SealedFrame> frames_ = sealed_frames(6, sender_);
};

}  // namespace

TEST_F(KeyWaitOrder, Events) {
  Element &decryptor = start(5 * GST_SECOND);
  const Order order(decryptor, frames_);
  push(frames_, 0, 2);
  push_caps(decryptor, "video/x-vp8, width=640, height=480");
  push_segment(decryptor);
  push(frames_, 2, 4);
  gst_harness_push_event(decryptor.harness(), gst_event_new_gap(0, GST_SECOND));
  push_caps(decryptor, "video/x-vp8, width=1280, height=720");
  push(frames_, 4, 6);
  gst_harness_push_event(decryptor.harness(), gst_event_new_eos());
  EXPECT_EQ(order.seen(), std::vector<std::string>());
  set_key();
  ASSERT_TRUE(wait_for([&] { return order.count("eos") == 1; }));
  EXPECT_EQ(order.seen(),
            (std::vector<std::string>{"frame 0", "frame 1", "caps 640", "segment", "frame 2",
                                      "frame 3", "gap", "caps 1280", "frame 4", "frame 5", "eos"}));
}

// Codecs differ in their clear bytes: a frame is opened by the rule of its own caps.
TEST_F(KeyWaitOrder, EachFrameIsOpenedAsItsOwnCodec) {
  const Bytes opus = noise(60, 9);
  const Bytes opus_sealed = seal(sender_, kOpus, opus);
  Element &decryptor = start(5 * GST_SECOND);
  push(frames_, 0, 1);
  push_caps(decryptor, kOpus);
  decryptor.push(opus_sealed);
  set_key();
  ASSERT_TRUE(wait_for([&] { return decryptor.stat("held") == 0; }));
  ASSERT_TRUE(wait_for([&] { return decryptor.stat("frames-out") == 2; }));
  EXPECT_EQ(bytes_of(decryptor.pull().get()), frames_[0].plain);
  EXPECT_EQ(bytes_of(decryptor.pull().get()), opus);
}

TEST_F(KeyWaitOrder, EmptyFrames) {
  expect_between([](Element &decryptor) { decryptor.push(Bytes{}); }, "empty");
}

TEST_F(KeyWaitOrder, ServerFrames) {
  const Bytes trailer = {1, 2, 3, 4, 5, 6, 7, 8};
  g_object_set(decryptor_.get(), "server-trailer", "0102030405060708", nullptr);
  decryptor_.set("server-frames", "pass");
  Bytes frame = vp8_delta(50, 77);
  frame.insert(frame.end(), trailer.begin(), trailer.end());
  expect_between([&](Element &decryptor) { decryptor.push(frame); }, "unknown frame");
}

TEST_F(KeyWaitOrder, FramesThatPassWhileDisabled) {
  expect_between(
      [](Element &decryptor) {
        g_object_set(decryptor.get(), "enabled", FALSE, nullptr);
        decryptor.push(vp8_delta(50, 78));
        g_object_set(decryptor.get(), "enabled", TRUE, nullptr);
      },
      "unknown frame");
}

// Sound and picture come out of one demuxer on one thread. The key of the picture is late: the
// sound plays on.
TEST(KeyWaitSiblings, AreNotHeldUp) {
  const Provider picture = raw_provider(0x71, 1);
  const Provider sound = raw_provider(0x72, 0);
  const Provider receiver = raw_provider(0x72, 0);
  const KeyFile file("recorded", "");
  Pipeline record(
      "matroskamux name=mux ! filesink location=" + file.path() +
          " videotestsrc num-buffers=30 ! video/x-raw, width=64, height=64, framerate=30/1 ! "
          "vp8enc name=video deadline=1 ! e2eeencrypt name=picture ! queue ! mux. audiotestsrc "
          "num-buffers=50 samplesperbuffer=960 ! audio/x-raw, rate=48000, channels=2 ! opusenc "
          "name=audio ! e2eeencrypt name=sound ! queue ! mux.",
      nullptr);
  g_object_set(record.get("picture"), "key-provider", picture.get(), nullptr);
  g_object_set(record.get("sound"), "key-provider", sound.get(), nullptr);
  const Tap &video = record.tap("video");
  const Tap &audio = record.tap("audio");
  ASSERT_TRUE(record.run());
  record.stop();

  Pipeline play("filesrc location=" + file.path() +
                    " ! matroskademux name=demux demux.video_0 ! e2eedecrypt name=video "
                    "key-wait=20000000000 ! fakesink sync=false async=false demux.audio_0 ! "
                    "e2eedecrypt name=audio key-wait=20000000000 ! fakesink sync=false async=false",
                receiver);
  const Tap &seen = play.tap("video");
  const Tap &heard = play.tap("audio");
  play.play();
  ASSERT_TRUE(wait_for([&] { return heard.size() == audio.size(); }))
      << heard.size() << " of " << audio.size();
  EXPECT_EQ(seen.size(), 0U);
  EXPECT_EQ(play.stat("video", "held"), video.size());
  set_raw(receiver, 0x71, 1);
  ASSERT_TRUE(play.run(10));
  expect_equal(seen.contents(), video.contents());
  expect_equal(heard.contents(), audio.contents());
}

}  // namespace e2ee::test
