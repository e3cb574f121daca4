/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>

#include "support/element.h"
#include "support/rtp.h"

// Packets are made by hand after RFC 7741, RFC 9628 and RFC 7587.
namespace e2ee::test {
namespace {

Bytes operator+(Bytes a, const Bytes &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool has(const std::vector<std::string> &names, const char *name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Puts packets into a depayloader, each with the next sequence number.
class Receiver : public Depayloader {
 public:
  explicit Receiver(const char *encoding_name) : Depayloader(encoding_name) {}

  std::vector<Buffer> packet(const Bytes &payload, unsigned picture, bool marker) {
    return push(make_packet(payload, seq_++, picture * 1800, marker).get());
  }
  void lose(unsigned packets = 1) { seq_ = static_cast<guint16>(seq_ + packets); }
  void jump_to(guint16 seq) { seq_ = seq; }

 private:
  guint16 seq_ = 65530;  // wraps in each test
};

// The frame that one packet gives; none if there is none.
std::optional<Bytes> only(const std::vector<Buffer> &frames) {
  EXPECT_LE(frames.size(), 1U);
  return frames.empty() ? std::nullopt : std::optional(bytes_of(frames[0].get()));
}

// ---- VP8

const Bytes kKey = vp8_key(60);
const Bytes kDelta = vp8_delta(50);

TEST(RtpDepayVp8, AnyDescriptor) {
  const Bytes descriptors[] = {
      {0x10},                                // nothing
      {0x90, 0x80, 0x11},                    // I, 7 bits
      {0x90, 0x80, 0x81, 0x11},              // I, 15 bits
      {0x90, 0x40, 0x05},                    // L
      {0x90, 0x20, 0x40},                    // T
      {0x90, 0x10, 0x03},                    // K
      {0x90, 0xf0, 0x92, 0x34, 0x07, 0xa3},  // all
      {0x90, 0x00},                          // X without any
  };
  for (const Bytes &descriptor : descriptors) {
    Receiver receiver("VP8");
    EXPECT_EQ(only(receiver.packet(descriptor + kKey, 0, true)), kKey);
  }
}

TEST(RtpDepayVp8, FramesOfPartitionsAndPieces) {
  Receiver receiver("VP8");
  EXPECT_TRUE(receiver.packet(Bytes{0x10} + kKey, 0, false).empty());
  EXPECT_TRUE(receiver.packet({0x00, 1, 2}, 0, false).empty());
  EXPECT_TRUE(receiver.packet({0x11, 3}, 0, false).empty());  // starts another partition
  EXPECT_EQ(only(receiver.packet({0x01, 4}, 0, true)), kKey + Bytes({1, 2, 3, 4}));
}

TEST(RtpDepayVp8, FlagsMetaAndCaps) {
  Receiver receiver("VP8");
  std::vector<Buffer> out = receiver.packet(Bytes{0x10} + kKey, 0, true);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_FALSE(is_delta(out[0].get()));
  EXPECT_TRUE(has_flag(out[0].get(), GST_BUFFER_FLAG_MARKER));
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(out[0].get());
  EXPECT_TRUE(meta->keyframe);
  EXPECT_FALSE(meta->has_layers);
  EXPECT_EQ(meta->width, 320U);
  EXPECT_EQ(meta->height, 240U);
  EXPECT_EQ(field_of(receiver.out_caps(), "width"), "320");
  EXPECT_EQ(field_of(receiver.out_caps(), "height"), "240");

  out = receiver.packet(Bytes{0xb0, 0x20, 0xa0} + kDelta, 1, true);  // N, TID 2, Y
  ASSERT_EQ(out.size(), 1U);
  EXPECT_TRUE(is_delta(out[0].get()));
  EXPECT_FALSE(has_flag(out[0].get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_TRUE(has_flag(out[0].get(), GST_BUFFER_FLAG_DROPPABLE));
  meta = gst_e2ee_buffer_get_frame_meta(out[0].get());
  EXPECT_FALSE(meta->keyframe);
  EXPECT_TRUE(meta->has_layers);
  EXPECT_EQ(meta->temporal_layer, 2U);
  EXPECT_TRUE(meta->layer_sync);

  Bytes larger = kKey;
  larger[6] = 0x80;  // 640
  larger[7] = 0x02;
  receiver.packet(Bytes{0x10} + larger, 2, true);
  EXPECT_EQ(field_of(receiver.out_caps(), "width"), "640");
}

TEST(RtpDepayVp8, NothingBeforeTheFirstKeyFrame) {
  Receiver receiver("VP8");
  EXPECT_TRUE(receiver.packet(Bytes{0x10} + kDelta, 0, true).empty());
  EXPECT_TRUE(has(receiver.upstream_events(), "GstForceKeyUnit"));
  EXPECT_TRUE(receiver.packet(Bytes{0x10} + kDelta, 1, true).empty());
  // Not for each frame that is missing.
  EXPECT_FALSE(has(receiver.upstream_events(), "GstForceKeyUnit"));
  EXPECT_EQ(only(receiver.packet(Bytes{0x10} + kKey, 2, true)), kKey);
  EXPECT_EQ(only(receiver.packet(Bytes{0x10} + kDelta, 3, true)), kDelta);
}

TEST(RtpDepayVp8, WithoutAClearHeaderEachFrameMayBeAKeyFrame) {
  Receiver receiver("VP8");
  gst_util_set_object_arg(G_OBJECT(receiver.element()), "clear-header", "none");
  g_object_set(receiver.element(), "wait-for-keyframe", TRUE, nullptr);
  for (unsigned i = 0; i < 40; i++) {
    const Bytes cipher = noise(1 + i, i);
    const std::vector<Buffer> out = receiver.packet(Bytes{0x10} + cipher, i, true);
    ASSERT_EQ(only(out), cipher);
    EXPECT_FALSE(is_delta(out[0].get()));
    EXPECT_EQ(gst_e2ee_buffer_get_frame_meta(out[0].get())->width, 0U);
  }
  EXPECT_EQ(field_of(receiver.out_caps(), "width"), "");
}

// ---- VP9

const Bytes kBody = noise(40, 5);

TEST(RtpDepayVp9, AnyDescriptor) {
  const Bytes descriptors[] = {
      {0x0c},                                                  // B, E
      {0x8c, 0x11},                                            // I, 7 bits
      {0x8c, 0x92, 0x34},                                      // I, 15 bits
      {0xac, 0x11, 0x00, 0x07},                                // I, L
      {0x3c, 0x00},                                            // L, F: no TL0PICIDX
      {0x0e, 0x00},                                            // V: one layer, no more
      {0x0e, 0x18, 0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01},  // V: Y, G
      // V: G of four pictures with 1, 2, 3 and 0 references
      {0x0e, 0x08, 0x04, 0x04, 0x04, 0x48, 0x02, 0x01, 0x2c, 0x01, 0x02, 0x03, 0x40},
  };
  for (const Bytes &descriptor : descriptors) {
    Receiver receiver("VP9");
    EXPECT_EQ(only(receiver.packet(descriptor + kBody, 0, true)), kBody);
  }
  // With one, two and three references (P, F); the third one's N is not another.
  for (const Bytes &references : {Bytes{0x02}, Bytes{0x03, 0x04}, Bytes{0x03, 0x05, 0x07}}) {
    Receiver receiver("VP9");
    receiver.packet(Bytes{0x0c} + kBody, 0, true);
    EXPECT_EQ(only(receiver.packet(Bytes{0x5c} + references + kBody, 1, true)), kBody);
  }
}

// I, L, B, E, three spatial layers of 80, 160 and 320 pixels.
Bytes key_base(guint8 id) {
  return Bytes{0xae, id,   0x00, 0x01, 0x58, 0x00, 0x50, 0x00, 0x3c, 0x00,
               0xa0, 0x00, 0x78, 0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01};
}

TEST(RtpDepayVp9, EachLayerFrameIsABuffer) {
  Receiver receiver("VP9");
  std::vector<Buffer> frames = receiver.packet(key_base(1) + kBody, 0, false);
  ASSERT_EQ(frames.size(), 1U);
  // The second in two packets: B without E, then E without B.
  EXPECT_TRUE(receiver.packet(Bytes{0xa8, 0x01, 0x03, 0x01} + kBody, 0, false).empty());
  for (Buffer &frame : receiver.packet({0xa4, 0x01, 0x03, 0x01, 9}, 0, false))
    frames.push_back(std::move(frame));
  for (Buffer &frame : receiver.packet(Bytes{0xac, 0x01, 0x05, 0x01} + kBody, 0, true))
    frames.push_back(std::move(frame));
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(bytes_of(frames[1].get()), kBody + Bytes{9});
  for (unsigned i = 0; i < 3; i++) {
    SCOPED_TRACE(i);
    const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frames[i].get());
    EXPECT_EQ(is_delta(frames[i].get()), i > 0);
    EXPECT_EQ(meta->keyframe != FALSE, i == 0);
    EXPECT_EQ(meta->spatial_layer, i);
    EXPECT_EQ(meta->spatial_layers, 3U);
    EXPECT_EQ(meta->width, 80U << i);
    EXPECT_EQ(meta->height, 60U << i);
    EXPECT_EQ(meta->layer_width[2], i == 0 ? 320U : 0U);
    EXPECT_EQ(meta->end_of_picture != FALSE, i == 2);
    EXPECT_EQ(has_flag(frames[i].get(), GST_BUFFER_FLAG_MARKER), i == 2);
    EXPECT_EQ(GST_BUFFER_PTS(frames[i].get()), 0U);
  }
  EXPECT_EQ(field_of(receiver.out_caps(), "width"), "320");
}

TEST(RtpDepayVp9, OnePictureHasOneTimeWithoutAJitterBuffer) {
  Receiver receiver("VP9");
  Buffer late = make_packet(Bytes{0xac, 0x01, 0x03, 0x01} + kBody, 65531, 0, true);
  GST_BUFFER_PTS(late.get()) = 3 * GST_MSECOND;
  receiver.packet(key_base(1) + kBody, 0, false);
  const std::vector<Buffer> out = receiver.push(late.get());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(GST_BUFFER_PTS(out[0].get()), 0U);
}

TEST(RtpDepayVp9, ALayerWithoutTheOneBelowIsDropped) {
  Receiver receiver("VP9");
  receiver.packet(key_base(1) + kBody, 0, false);
  receiver.lose();  // layer 1
  EXPECT_TRUE(receiver.packet(Bytes{0xac, 0x01, 0x05, 0x01} + kBody, 0, true).empty());
  // The next picture is complete.
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x02, 0x00, 0x02} + kBody, 1, false)), kBody);
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x02, 0x03, 0x02} + kBody, 1, false)), kBody);
  // A layer that needs none below may come alone (K-SVC).
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x03, 0x04, 0x03} + kBody, 2, true)), kBody);
}

TEST(RtpDepayVp9, AHigherLayerCanBeAKeyFrame) {
  Receiver receiver("VP9");
  EXPECT_TRUE(receiver.packet(Bytes{0xac, 0x01, 0x05, 0x01} + kBody, 0, true).empty());  // D
  const std::vector<Buffer> out = receiver.packet(Bytes{0xac, 0x02, 0x04, 0x01} + kBody, 1, true);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_FALSE(is_delta(out[0].get()));
  EXPECT_TRUE(gst_e2ee_buffer_get_frame_meta(out[0].get())->layer_independent);
}

// ---- Losses

TEST(RtpDepayLoss, TornFramesAreDropped) {
  for (const char *what : {"start", "middle", "end"}) {
    SCOPED_TRACE(what);
    Receiver receiver("VP8");
    receiver.packet(Bytes{0x10} + kKey, 0, true);
    std::vector<Buffer> out;
    for (unsigned i = 0; i < 3; i++) {
      const char *const places[] = {"start", "middle", "end"};
      if (places[i] == std::string(what)) {
        receiver.lose();
        continue;
      }
      for (Buffer &frame :
           receiver.packet(Bytes{static_cast<guint8>(i == 0 ? 0x10 : 0x00)} + kDelta, 1, i == 2))
        out.push_back(std::move(frame));
    }
    EXPECT_TRUE(out.empty());
    const std::vector<Buffer> next = receiver.packet(Bytes{0x10} + kDelta, 2, true);
    EXPECT_EQ(only(next), kDelta);
    EXPECT_TRUE(has_flag(next.at(0).get(), GST_BUFFER_FLAG_DISCONT));
    const std::vector<Buffer> after = receiver.packet(Bytes{0x10} + kDelta, 3, true);
    EXPECT_FALSE(has_flag(after.at(0).get(), GST_BUFFER_FLAG_DISCONT));
  }
}

// The sender's fault: no sequence number is missing.
TEST(RtpDepayLoss, AFrameThatIsNotEndedIsDroppedAndReported) {
  Receiver receiver("VP9");
  receiver.packet(Bytes{0x0c} + kBody, 0, true);
  receiver.packet(Bytes{0x48} + kBody, 1, false);
  receiver.events();
  EXPECT_EQ(only(receiver.packet(Bytes{0x4c} + kBody, 2, true)), kBody);
  EXPECT_TRUE(has(receiver.events(), "gap"));
}

TEST(RtpDepayLoss, WaitsForAKeyFrameIfTold) {
  for (const bool wait : {false, true}) {
    Receiver receiver("VP9");
    g_object_set(receiver.element(), "wait-for-keyframe", wait, nullptr);
    receiver.packet(Bytes{0x8c, 1} + kBody, 0, true);
    receiver.lose();
    EXPECT_EQ(receiver.packet(Bytes{0xcc, 3} + kBody, 2, true).empty(), wait);
    EXPECT_EQ(receiver.packet(Bytes{0xcc, 4} + kBody, 3, true).empty(), wait);
    EXPECT_EQ(only(receiver.packet(Bytes{0x8c, 5} + kBody, 4, true)), kBody);
    EXPECT_EQ(only(receiver.packet(Bytes{0xcc, 6} + kBody, 5, true)), kBody);
  }
}

// Of layers that are predicted apart (K-SVC, D bit 0) no descriptor says that the base is missing.
TEST(RtpDepayLoss, ABaseLayerThatIsMissingIsALoss) {
  Receiver receiver("VP9");
  g_object_set(receiver.element(), "wait-for-keyframe", TRUE, nullptr);
  receiver.packet(key_base(1) + kBody, 0, false);
  receiver.packet(Bytes{0xac, 0x01, 0x03, 0x01} + kBody, 0, true);
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x02, 0x00, 0x02} + kBody, 1, false)), kBody);
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x02, 0x02, 0x02} + kBody, 1, true)), kBody);
  receiver.lose();  // the base of the third picture
  EXPECT_TRUE(receiver.packet(Bytes{0xec, 0x03, 0x02, 0x03} + kBody, 2, true).empty());
  EXPECT_TRUE(receiver.packet(Bytes{0xec, 0x04, 0x00, 0x04} + kBody, 3, false).empty());
  receiver.packet(key_base(5) + kBody, 4, false);
  EXPECT_EQ(only(receiver.packet(Bytes{0xec, 0x06, 0x00, 0x05} + kBody, 5, true)), kBody);
}

TEST(RtpDepayLoss, AsksForAKeyFrameIfTold) {
  for (const bool ask : {false, true}) {
    Receiver receiver("VP9");
    g_object_set(receiver.element(), "request-keyframe", ask, nullptr);
    receiver.packet(Bytes{0x8c, 1} + kBody, 0, true);
    EXPECT_FALSE(has(receiver.upstream_events(), "GstForceKeyUnit"));
    receiver.lose();
    receiver.packet(Bytes{0xcc, 3} + kBody, 2, true);
    EXPECT_EQ(has(receiver.upstream_events(), "GstForceKeyUnit"), ask);
  }
}

// Error correction and probes have sequence numbers, too; the picture IDs tell.
TEST(RtpDepayLoss, PacketsOfNoFrameAreNotMissed) {
  Receiver receiver("VP9");
  g_object_set(receiver.element(), "wait-for-keyframe", TRUE, nullptr);
  receiver.packet(Bytes{0x8c, 0x7f} + kBody, 0, true);
  receiver.lose(3);
  EXPECT_EQ(only(receiver.packet(Bytes{0xcc, 0x00} + kBody, 1, true)), kBody);
  EXPECT_TRUE(receiver.packet({}, 1, false).empty());  // padding alone
  EXPECT_EQ(only(receiver.packet(Bytes{0xcc, 0x01} + kBody, 2, true)), kBody);
}

GstEvent *lost_event(bool uncertain) {
  GstStructure *content =
      gst_structure_new("GstRTPPacketLost", "timestamp", G_TYPE_UINT64, 20 * GST_MSECOND,
                        "duration", G_TYPE_UINT64, 20 * GST_MSECOND, nullptr);
  if (uncertain)
    gst_structure_set(content, "might-have-been-fec", G_TYPE_BOOLEAN, TRUE, nullptr);
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, content);
}

TEST(RtpDepayLoss, LostEventsBecomeGapsUnlessNothingWasLost) {
  Receiver receiver("VP9");
  receiver.packet(Bytes{0x8c, 1} + kBody, 0, true);
  receiver.events();
  gst_harness_push_event(receiver.harness(), lost_event(false));
  EXPECT_TRUE(has(receiver.events(), "gap"));

  // Nothing was: the picture ID goes on.
  receiver.packet(Bytes{0xcc, 2} + kBody, 1, true);
  gst_harness_push_event(receiver.harness(), lost_event(true));
  EXPECT_FALSE(has(receiver.events(), "gap"));
  receiver.lose();
  receiver.packet(Bytes{0xcc, 3} + kBody, 2, true);
  EXPECT_FALSE(has(receiver.events(), "gap"));

  // A picture was.
  gst_harness_push_event(receiver.harness(), lost_event(true));
  receiver.lose();
  EXPECT_FALSE(has(receiver.events(), "gap"));
  receiver.packet(Bytes{0xcc, 5} + kBody, 4, true);
  EXPECT_TRUE(has(receiver.events(), "gap"));

  // In the middle of a frame something was.
  receiver.packet(Bytes{0xc8, 6} + kBody, 5, false);
  gst_harness_push_event(receiver.harness(), lost_event(true));
  EXPECT_TRUE(has(receiver.events(), "gap"));
}

TEST(RtpDepayLoss, AFlushForgetsTheBeginning) {
  Receiver receiver("VP9");
  receiver.packet(Bytes{0x0c} + kBody, 0, true);
  receiver.packet(Bytes{0x48} + kBody, 1, false);
  gst_harness_push_event(receiver.harness(), gst_event_new_flush_start());
  gst_harness_push_event(receiver.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(receiver.harness(), gst_event_new_segment(&segment));
  EXPECT_TRUE(receiver.packet(Bytes{0x44} + kBody, 1, true).empty());
  EXPECT_EQ(only(receiver.packet(Bytes{0x0c} + kBody, 2, true)), kBody);
}

// ---- Opus and caps

TEST(RtpDepayOpus, APacketIsAFrame) {
  Receiver receiver("OPUS");
  for (unsigned i = 0; i < 50; i++) {
    const Bytes frame = noise(1 + i * 3, i);
    if (i % 10 == 7)
      receiver.lose();
    const std::vector<Buffer> out = receiver.packet(frame, i, i == 0);
    EXPECT_EQ(only(out), frame);
    EXPECT_FALSE(is_delta(out[0].get()));
    EXPECT_EQ(has_flag(out[0].get(), GST_BUFFER_FLAG_DISCONT), i % 10 == 7) << i;
  }
}

}  // namespace
}  // namespace e2ee::test
