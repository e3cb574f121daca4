/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>

#include "support/element.h"
#include "support/rtp.h"

// Descriptors are compared with bytes worked out by hand from RFC 7741 and RFC 9628.
namespace e2ee::test {
namespace {

// The descriptor of the only packet of a small frame.
Bytes describe(Payloader &payloader, GstBuffer *frame) {
  const std::vector<Buffer> packets = payloader.push(frame);
  EXPECT_EQ(packets.size(), 1U);
  if (packets.empty())
    return {};
  const Bytes payload = parse(packets[0].get()).payload;
  const Bytes body = bytes_of(frame);
  EXPECT_GE(payload.size(), body.size());
  EXPECT_TRUE(std::equal(body.rbegin(), body.rend(), payload.rbegin()));
  return Bytes(payload.begin(), payload.end() - static_cast<std::ptrdiff_t>(body.size()));
}

// ---- VP8 descriptors, RFC 7741

TEST(RtpPayVp8, DescriptorFollowsThePictureIdMode) {
  const Buffer frame = make_frame(50, true);
  Payloader none(kVp8, "none");
  EXPECT_EQ(describe(none, frame.get()), (Bytes{0x10}));
  Payloader seven(kVp8, "7-bit");
  EXPECT_EQ(describe(seven, frame.get()), (Bytes{0x90, 0x80, 0x34}));
  Payloader fifteen(kVp8, "15-bit");
  EXPECT_EQ(describe(fifteen, frame.get()), (Bytes{0x90, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, OnlyTheFirstPacketStartsThePartition) {
  Payloader payloader(kVp8, "15-bit", 0x1234, 100);
  const Buffer frame = make_frame(200, true);
  const std::vector<Buffer> packets = payloader.push(frame.get());
  ASSERT_EQ(packets.size(), 3U);  // 84 bytes of the frame in a full one
  EXPECT_EQ(descriptor_of(packets[0].get(), 4), (Bytes{0x90, 0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[1].get(), 4), (Bytes{0x80, 0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[2].get(), 4), (Bytes{0x80, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, DroppableFramesAreNoReference) {
  Payloader payloader(kVp8);
  const Buffer frame = make_frame(50, false);
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DROPPABLE);
  EXPECT_EQ(describe(payloader, frame.get()), (Bytes{0xb0, 0x80, 0x92, 0x34}));
}

TEST(RtpPayVp8, LayersOfTheFrameMeta) {
  Payloader payloader(kVp8, "7-bit", 0x7e);
  std::vector<Bytes> descriptors;
  const guint layers[] = {0, 2, 1, 0};
  for (unsigned i = 0; i < 4; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->temporal_layer = layers[i];
    meta->layer_sync = i == 1;
    descriptors.push_back(describe(payloader, frame.get()));
  }
  // A frame that says nothing keeps the fields, as a base layer frame.
  descriptors.push_back(describe(payloader, make_frame(50, false, 4).get()));
  EXPECT_EQ(descriptors[0], (Bytes{0x90, 0xe0, 0x7e, 0x00, 0x00}));
  EXPECT_EQ(descriptors[1], (Bytes{0x90, 0xe0, 0x7f, 0x00, 0xa0}));
  EXPECT_EQ(descriptors[2], (Bytes{0x90, 0xe0, 0x00, 0x00, 0x40}));
  EXPECT_EQ(descriptors[3], (Bytes{0x90, 0xe0, 0x01, 0x01, 0x00}));
  EXPECT_EQ(descriptors[4], (Bytes{0x90, 0xe0, 0x02, 0x02, 0x00}));
}

TEST(RtpPayVp8, ASpatialLayerIsNoPartOfTheStream) {
  Payloader payloader(kVp8, "7-bit", 1);
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->spatial_layer = 2;
    const auto count = static_cast<guint8>(i);
    EXPECT_EQ(describe(payloader, frame.get()),
              (Bytes{0x90, 0xe0, static_cast<guint8>(count + 1), count, 0x00}));
  }
}

TEST(RtpPayVp8, LayersWithoutPictureId) {
  Payloader payloader(kVp8, "none");
  const Buffer frame = make_frame(50, true);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 320, 240)->has_layers = TRUE;
  EXPECT_EQ(describe(payloader, frame.get()), (Bytes{0x90, 0x60, 0x00, 0x00}));
}

TEST(RtpPayVp8, LayersOfTheEncoder) {
  const Encoded encoded =
      encode(std::string(kVideoSource) + "vp8enc name=encoder deadline=1", use_two_temporal_layers);
  Payloader payloader(kVp8, "15-bit", 0);
  for (unsigned i = 0; i < encoded.frames.size(); i++) {
    // vp8enc calls a key frame a sync point, too. Nothing refers to the upper layer's frames.
    const bool sync = i == 0 || i % 2 != 0;
    for (const Buffer &packet : payloader.push(encoded.frames[i].get())) {
      const Bytes bytes = descriptor_of(packet.get(), 6);
      EXPECT_EQ(bytes[0] & 0x20, i % 2 != 0 ? 0x20 : 0) << "N of frame " << i;
      EXPECT_EQ(bytes[1], 0xe0);
      EXPECT_EQ(bytes[3], i);
      EXPECT_EQ(bytes[4], i / 2) << "TL0PICIDX of frame " << i;
      EXPECT_EQ(bytes[5], (i % 2) << 6 | (sync ? 0x20 : 0)) << "TID and Y of frame " << i;
    }
  }
}

TEST(RtpPayVp8, TheFrameMetaDecidesTheKeyFlagOfPackets) {
  Payloader payloader(kVp8, "15-bit", 0, 100);
  const Buffer key = make_frame(200, false);
  gst_e2ee_buffer_add_frame_meta(key.get(), TRUE, 320, 240);
  const std::vector<Buffer> packets = payloader.push(key.get());
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(packets[0].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packets[1].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packets[2].get(), GST_BUFFER_FLAG_DELTA_UNIT));
  for (const Buffer &packet : payloader.push(make_frame(200, false, 1).get()))
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(packet.get(), GST_BUFFER_FLAG_DELTA_UNIT));
}

// ---- VP9 descriptors, RFC 9628

TEST(RtpPayVp9, KeyAndDelta) {
  Payloader payloader(kVp9);
  EXPECT_EQ(describe(payloader, make_frame(50, true).get()),
            (Bytes{0x8e, 0x92, 0x34, 0x18, 0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01}));
  EXPECT_EQ(describe(payloader, make_frame(50, false, 1).get()), (Bytes{0xcc, 0x92, 0x35}));
}

TEST(RtpPayVp9, PictureIdModes) {
  const Buffer frame = make_frame(50, false);
  Payloader none(kVp9, "none");
  EXPECT_EQ(describe(none, frame.get()), (Bytes{0x4c}));
  Payloader seven(kVp9, "7-bit");
  EXPECT_EQ(describe(seven, frame.get()), (Bytes{0xcc, 0x34}));
}

TEST(RtpPayVp9, BeginEndAndStructureOfASplitKeyFrame) {
  Payloader payloader(kVp9, "15-bit", 0x1234, 100);
  const std::vector<Buffer> packets = payloader.push(make_frame(200, true).get());
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(descriptor_of(packets[0].get(), 4), (Bytes{0x8a, 0x92, 0x34, 0x18}));
  EXPECT_EQ(descriptor_of(packets[1].get(), 3), (Bytes{0x80, 0x92, 0x34}));
  EXPECT_EQ(descriptor_of(packets[2].get(), 3), (Bytes{0x84, 0x92, 0x34}));
}

TEST(RtpPayVp9, TheFrameMetaGoesBeforeFlagsAndCaps) {
  Payloader payloader(kVp9);
  const Buffer frame = make_frame(50, false);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 1280, 720);
  EXPECT_EQ(describe(payloader, frame.get()),
            (Bytes{0x8e, 0x92, 0x34, 0x18, 0x05, 0x00, 0x02, 0xd0, 0x01, 0x04, 0x01}));
}

TEST(RtpPayVp9, AnUnknownSizeIsLeftOut) {
  Payloader payloader("video/x-vp9");
  EXPECT_EQ(describe(payloader, make_frame(50, true).get()),
            (Bytes{0x8e, 0x92, 0x34, 0x08, 0x01, 0x04, 0x01}));
}

TEST(RtpPayVp9, TemporalLayers) {
  Payloader payloader(kVp9);
  std::vector<Bytes> descriptors;
  const guint layers[] = {0, 2, 1, 0};
  for (unsigned i = 0; i < 4; i++) {
    const Buffer frame = make_frame(50, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->temporal_layer = layers[i];
    meta->layer_sync = i == 1;
    descriptors.push_back(describe(payloader, frame.get()));
  }
  EXPECT_EQ(descriptors[0], (Bytes{0xae, 0x92, 0x34, 0x00, 0x00, 0x10, 0x01, 0x40, 0x00, 0xf0}));
  EXPECT_EQ(descriptors[1], (Bytes{0xec, 0x92, 0x35, 0x50, 0x00}));
  EXPECT_EQ(descriptors[2], (Bytes{0xec, 0x92, 0x36, 0x20, 0x00}));
  EXPECT_EQ(descriptors[3], (Bytes{0xec, 0x92, 0x37, 0x00, 0x01}));
}

// Of two spatial layers, unless told otherwise.
Buffer layer_frame(unsigned picture, unsigned layer, unsigned layers = 2) {
  Buffer frame = make_frame(50, picture == 0 && layer == 0, picture);
  GstE2EEFrameMeta *meta =
      gst_e2ee_buffer_add_frame_meta(frame.get(), picture == 0 && layer == 0, 160, 120);
  meta->has_layers = TRUE;
  meta->spatial_layer = layer;
  meta->spatial_layers = layers;
  for (unsigned i = 0; i < layers && layer == 0; i++) {
    meta->layer_width[i] = 160 << i;
    meta->layer_height[i] = 120 << i;
  }
  return frame;
}

struct Described {
  Bytes descriptor;
  bool marker;
};

Described describe_layer(Payloader &payloader, GstBuffer *frame) {
  const std::vector<Buffer> packets = payloader.push(frame);
  EXPECT_EQ(packets.size(), 1U);
  const Packet packet = parse(packets.at(0).get());
  const auto body = static_cast<std::ptrdiff_t>(gst_buffer_get_size(frame));
  return {Bytes(packet.payload.begin(), packet.payload.end() - body), packet.marker};
}

TEST(RtpPayVp9, SpatialLayersShareAPictureThatTheMarkerEnds) {
  Payloader payloader(kVp9);
  const Described base = describe_layer(payloader, layer_frame(0, 0).get());
  // N_S = 1, Y and G; the group is one picture that refers to the one before.
  EXPECT_EQ(base.descriptor, (Bytes{0xae, 0x92, 0x34, 0x00, 0x00, 0x38, 0x00, 0xa0, 0x00, 0x78,
                                    0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01}));
  EXPECT_FALSE(base.marker);
  // Nothing before the key picture is referred to, so P is not set; D is.
  const Described upper = describe_layer(payloader, layer_frame(0, 1).get());
  EXPECT_EQ(upper.descriptor, (Bytes{0xac, 0x92, 0x34, 0x03, 0x00}));
  EXPECT_TRUE(upper.marker);
  const Described delta = describe_layer(payloader, layer_frame(1, 0).get());
  EXPECT_EQ(delta.descriptor, (Bytes{0xec, 0x92, 0x35, 0x00, 0x01}));
  EXPECT_FALSE(delta.marker);
  const Described above = describe_layer(payloader, layer_frame(1, 1).get());
  EXPECT_EQ(above.descriptor, (Bytes{0xec, 0x92, 0x35, 0x03, 0x01}));
  EXPECT_TRUE(above.marker);
}

TEST(RtpPayVp9, APictureMayEndEarlyOrStartLate) {
  Payloader payloader(kVp9);
  describe_layer(payloader, layer_frame(0, 0).get());
  describe_layer(payloader, layer_frame(0, 1).get());
  const Buffer only = layer_frame(1, 0);
  gst_e2ee_buffer_get_frame_meta(only.get())->end_of_picture = TRUE;
  EXPECT_TRUE(describe_layer(payloader, only.get()).marker);
  // The base layer of the third picture is missing, and the upper one does without.
  const Buffer upper = layer_frame(2, 1);
  gst_e2ee_buffer_get_frame_meta(upper.get())->layer_independent = TRUE;
  EXPECT_EQ(describe_layer(payloader, upper.get()).descriptor,
            (Bytes{0xec, 0x92, 0x36, 0x02, 0x02}));
}

TEST(RtpPayVp9, UnknownLayerSizesAreLeftOut) {
  Payloader payloader(kVp9);
  const Buffer frame = layer_frame(0, 0, 3);
  gst_e2ee_buffer_get_frame_meta(frame.get())->layer_width[1] = 0;
  EXPECT_EQ(describe_layer(payloader, frame.get()).descriptor,
            (Bytes{0xae, 0x92, 0x34, 0x00, 0x00, 0x48, 0x01, 0x04, 0x01}));
}

TEST(RtpPayVp9, ALayerWithoutACountIsAPictureOfItsOwn) {
  Payloader payloader(kVp9);
  for (unsigned i = 0; i < 2; i++)
    EXPECT_TRUE(describe_layer(payloader, layer_frame(i, 0, 0).get()).marker);
}

TEST(RtpPayVp9, TheStockDepayloaderReadsLayersAndSize) {
  Payloader payloader(kVp9, "15-bit", 0, 100);
  Stage depayloader("rtpvp9depay");
  depayloader.set_caps("application/x-rtp, media=video, clock-rate=90000, encoding-name=VP9");
  for (unsigned i = 0; i < 6; i++) {
    const Buffer frame = make_frame(333, i == 0, i);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), i == 0, 640, 360);
    meta->has_layers = TRUE;
    meta->temporal_layer = i % 2;
    for (const Buffer &packet : payloader.push(frame.get()))
      depayloader.try_push(packet.get());
    const std::vector<Buffer> out = depayloader.pull();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
    EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(out[0].get(), GST_BUFFER_FLAG_DELTA_UNIT), i != 0);
  }
  const Caps caps = depayloader.out_caps();
  int width = 0;
  gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "width", &width);
  EXPECT_EQ(width, 640);
}

TEST(RtpPayVp9, PlainPacketsAreThoseOfTheStockPayloader) {
  const Encoded encoded = encode(std::string(kVideoSource) + "vp9enc deadline=1");
  // Without ids, since the stock one of 1.22 always starts at a random one.
  Payloader ours(kVp9, "none", 0, 60000);
  Stage stock("rtpvp9pay");
  g_object_set(stock.element(), "mtu", 60000U, nullptr);
  stock.set_caps(kVp9);
  for (const Buffer &frame : encoded.frames) {
    const std::vector<Buffer> expected = stock.push(frame.get());
    const std::vector<Buffer> actual = ours.push(frame.get());
    ASSERT_EQ(actual.size(), 1U);
    ASSERT_EQ(expected.size(), 1U);
    EXPECT_EQ(parse(actual[0].get()).payload, parse(expected[0].get()).payload);
  }
}

// ---- Picture ids

unsigned next_id(Payloader &payloader, bool wide) {
  const Bytes bytes = describe(payloader, make_frame(50, false).get());
  return wide ? (bytes[2] & 0x7fU) << 8 | bytes[3] : bytes[2];
}

TEST(RtpPayPictureId, Wraps) {
  Payloader seven(kVp8, "7-bit", 126);
  for (const unsigned id : {126U, 127U, 0U, 1U})
    EXPECT_EQ(next_id(seven, false), id);
  Payloader fifteen(kVp8, "15-bit", 32766);
  for (const unsigned id : {32766U, 32767U, 0U, 1U})
    EXPECT_EQ(next_id(fifteen, true), id);
}

TEST(RtpPayPictureId, GapsAndFlushesSkipOne) {
  Payloader payloader(kVp8, "15-bit", 7);
  EXPECT_EQ(next_id(payloader, true), 7U);
  gst_harness_push_event(payloader.harness(), gst_event_new_gap(0, kFrameTime));
  EXPECT_EQ(next_id(payloader, true), 9U);
  gst_harness_push_event(payloader.harness(), gst_event_new_flush_start());
  gst_harness_push_event(payloader.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(payloader.harness(), gst_event_new_segment(&segment));
  EXPECT_EQ(next_id(payloader, true), 11U);
}

TEST(RtpPayPictureId, Defaults) {
  Stage payloader("rtpe2eepay");
  int mode = 0;
  int offset = 0;
  g_object_get(payloader.element(), "picture-id-mode", &mode, "picture-id-offset", &offset,
               nullptr);
  EXPECT_EQ(mode, 2);
  EXPECT_EQ(offset, -1);
}

}  // namespace
}  // namespace e2ee::test
