/* SPDX-License-Identifier: LGPL-2.1-or-later */
// e2eevp9split and e2eevp9merge: superframes to layer frames and back.
#include <algorithm>

#include "support/element.h"
#include "support/files.h"
#include "support/rtp.h"
#include "svc.h"

namespace e2ee::test {
namespace {

class SvcSplitMerge : public testing::TestWithParam<Mode> {};

TEST_P(SvcSplitMerge, SplitGivesWhatTheEncoderGivesByLayerAndMergeUndoesIt) {
  const Mode mode = GetParam();
  SvcSettings settings{mode.spatial, mode.temporal, 60, 25, true};
  const std::vector<Layers> by_layer = encode_svc(settings);
  settings.each_layer = false;
  const std::vector<Layers> whole = encode_svc(settings);
  Stage splitter("e2eevp9split");
  Stage merger("e2eevp9merge");
  splitter.set_caps(kSvcCaps);
  Vp9Decoder ours;
  Vp9Decoder libvpx;
  unsigned equal = 0;
  for (unsigned i = 0; i < whole.size(); i++) {
    ASSERT_EQ(whole[i].size(), 1U);
    const Buffer picture = at_time(buffer_of(whole[i][0].bytes), i);
    GstE2EEFrameMeta *told = gst_e2ee_buffer_add_frame_meta(picture.get(), whole[i][0].key, 0, 0);
    told->has_layers = TRUE;
    told->temporal_layer = by_layer[i][0].temporal;
    const std::vector<Buffer> frames = splitter.push(picture.get());
    ASSERT_EQ(frames.size(), by_layer[i].size());
    for (unsigned s = 0; s < frames.size(); s++) {
      EXPECT_EQ(bytes_of(frames[s].get()), by_layer[i][s].bytes);
      EXPECT_EQ(GST_BUFFER_PTS(frames[s].get()), i * kFrameTime);
      const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(frames[s].get());
      EXPECT_EQ(meta->temporal_layer, by_layer[i][s].temporal);
      if (mode.spatial == 1)
        continue;
      EXPECT_EQ(meta->spatial_layer, s);
      EXPECT_EQ(meta->spatial_layers, mode.spatial);
      EXPECT_EQ(meta->end_of_picture != FALSE, s + 1 == mode.spatial);
      EXPECT_EQ(meta->keyframe != FALSE, by_layer[i][s].key && s == 0);
      EXPECT_EQ(meta->layer_width[s], meta->keyframe ? kSvcWidth >> (mode.spatial - 1) : 0);
      if (meta->keyframe) {
        EXPECT_EQ(meta->layer_height[mode.spatial - 1], kSvcHeight);
      }
    }
    merger.set_caps(splitter.out_caps());
    const std::vector<Buffer> merged = Row({&merger}).push(frames);
    ASSERT_EQ(merged.size(), 1U);
    // The index is ours; libvpx now and then takes wider sizes than it needs.
    const Bytes frame_bytes = joined(by_layer[i]);
    const Bytes bytes = bytes_of(merged[0].get());
    ASSERT_GE(bytes.size(), frame_bytes.size());
    EXPECT_TRUE(std::equal(frame_bytes.begin(), frame_bytes.end(), bytes.begin()));
    EXPECT_EQ(ours.decode(bytes), libvpx.decode(whole[i][0].bytes)) << "picture " << i;
    equal += bytes == whole[i][0].bytes ? 1 : 0;
  }
  EXPECT_GT(equal, whole.size() / 2);
  EXPECT_EQ(field_of(splitter.out_caps(), "alignment"), "frame");
  EXPECT_EQ(field_of(merger.out_caps(), "alignment"), "super-frame");
}

INSTANTIATE_TEST_SUITE_P(Modes, SvcSplitMerge, ::testing::ValuesIn(kModes),
                         [](const auto &test) { return std::string(test.param.name); });

// A hidden reference and the frame that uses it are one frame to WebRTC.
TEST(SvcSplit, LeavesSuperframesWithHiddenFramesWhole) {
  const KeyFile statistics("first-pass", "");
  const std::string encoder = std::string(kVideoSource) +
                              "vp9enc deadline=1000000 cpu-used=5 end-usage=vbr lag-in-frames=20 "
                              "auto-alt-ref=true multipass-cache-file=" +
                              statistics.path() + " multipass-mode=";
  test::encode(encoder + "first-pass", nullptr, 0);
  const Encoded encoded = test::encode(encoder + "last-pass");
  Stage splitter("e2eevp9split");
  splitter.set_caps(encoded.caps.c_str());
  unsigned superframes = 0;
  for (const Buffer &frame : encoded.frames) {
    const Bytes bytes = bytes_of(frame.get());
    superframes += (bytes.back() & 0xe0) == 0xc0 ? 1 : 0;
    const std::vector<Buffer> out = splitter.push(frame.get());
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(bytes_of(out[0].get()), bytes);
  }
  EXPECT_GT(superframes, 0U);
}

// A shown frame by its first byte: frame_marker, profile 0, no existing one, delta, shown.
Bytes shown_frame(gsize size) {
  Bytes frame = noise(size, static_cast<unsigned>(size));
  frame[0] = 0x87;
  return frame;
}

Bytes with_index(const std::vector<Bytes> &frames, const Bytes &index) {
  Bytes bytes;
  for (const Bytes &frame : frames)
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  bytes.insert(bytes.end(), index.begin(), index.end());
  return bytes;
}

TEST(SvcSplit, AFrameThatShowsAnExistingOneIsALayer) {
  const Bytes base = shown_frame(40);
  const Bytes existing = {0x8b};  // show_existing_frame, index 3
  Stage splitter("e2eevp9split");
  splitter.set_caps(kSvcCaps);
  const Buffer picture = at_time(buffer_of(with_index({base, existing}, {0xc1, 40, 1, 0xc1})), 0);
  const std::vector<Buffer> frames = splitter.push(picture.get());
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(bytes_of(frames[1].get()), existing);
}

TEST(SvcSplit, BadIndexesAreNoIndexes) {
  const Bytes frame = shown_frame(40);
  const Bytes indexes[] = {
      {0xc1, 40, 1, 0xc0},   // differing markers
      {0xc1, 39, 1, 0xc1},   // too little
      {0xc1, 40, 41, 0xc1},  // too much
      {0xc1, 80, 0, 0xc1},   // an empty frame
      {0xc9, 40, 0, 0xc9},   // sizes of two bytes, cut off
      {0xd9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd9},
  };
  for (const Bytes &index : indexes) {
    Stage splitter("e2eevp9split");
    splitter.set_caps(kSvcCaps);
    const Buffer whole = buffer_of(with_index({frame, frame}, index));
    EXPECT_EQ(splitter.push(whole.get()).size(), 1U);
  }
  Stage splitter("e2eevp9split");
  splitter.set_caps(kSvcCaps);
  for (unsigned seed = 0; seed < 20000; seed++) {
    Bytes random = noise(seed % 60, seed);
    if (!random.empty())
      random.back() = static_cast<guint8>(0xc0 | (random.back() & 0x1f));
    const std::vector<Buffer> out = splitter.push(buffer_of(random).get());
    ASSERT_GE(out.size(), 1U);
  }
}

// ---- e2eevp9merge without what the packets say, as behind a demuxer

TEST(SvcMerge, JoinsByTimeAndLetsGoAtTheEnd) {
  const std::vector<Layers> pictures = encode_svc({3, 1, 10, 100, true});
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  std::vector<Bytes> out;
  for (unsigned i = 0; i < pictures.size(); i++)
    for (const LayerFrame &layer : pictures[i])
      for (const Buffer &picture : merger.push(at_time(buffer_of(layer.bytes), i).get()))
        out.push_back(bytes_of(picture.get()));
  EXPECT_EQ(out.size(), 9U);
  gst_harness_push_event(merger.harness(), gst_event_new_eos());
  for (const Buffer &picture : merger.pull())
    out.push_back(bytes_of(picture.get()));
  ASSERT_EQ(out.size(), 10U);
  Vp9Decoder clear;
  Vp9Decoder merged;
  for (unsigned i = 0; i < pictures.size(); i++)
    EXPECT_EQ(merged.decode(out[i]), clear.decode(joined(pictures[i])));
}

TEST(SvcMerge, KeepsNothingOverAFlush) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  EXPECT_TRUE(merger.push(at_time(buffer_of(shown_frame(30)), 0).get()).empty());
  gst_harness_push_event(merger.harness(), gst_event_new_flush_start());
  gst_harness_push_event(merger.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(merger.harness(), gst_event_new_segment(&segment));
  const Bytes frame = shown_frame(31);
  EXPECT_TRUE(merger.push(at_time(buffer_of(frame), 0).get()).empty());
  gst_harness_push_event(merger.harness(), gst_event_new_eos());
  const std::vector<Buffer> out = merger.pull();
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(bytes_of(out[0].get()), frame);
}

Buffer layer_of(guint8 spatial, guint8 layers, unsigned picture, bool independent = false) {
  Buffer frame = at_time(buffer_of(shown_frame(20U + spatial)), picture);
  auto *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), FALSE, 0, 0);
  meta->has_layers = TRUE;
  meta->spatial_layer = spatial;
  meta->spatial_layers = layers;
  meta->layer_independent = independent;
  return frame;
}

TEST(SvcMerge, R1_FramesInTheClearDoNotGetIntoAPictureThatWasVerified) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  std::vector<Buffer> out = merger.push(layer_of(0, 2, 0).get());
  const Buffer clear = layer_of(1, 2, 0, true);
  gst_e2ee_buffer_add_unprotected_meta(clear.get());
  for (Buffer &picture : merger.push(clear.get()))
    out.push_back(std::move(picture));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_FALSE(gst_e2ee_buffer_is_unprotected(out[0].get()));
  EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(out[1].get()));
}

TEST(SvcMerge, NewsOfAGapDoNotTearAPicture) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  EXPECT_TRUE(merger.push(layer_of(0, 3, 0).get()).empty());
  gst_harness_push_event(merger.harness(), gst_event_new_gap(0, GST_MSECOND));
  EXPECT_TRUE(merger.push(layer_of(1, 3, 0).get()).empty());
  EXPECT_EQ(merger.push(layer_of(2, 3, 0).get()).size(), 1U);
}

TEST(SvcMerge, LayersAboveAMissingOneAreDropped) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  EXPECT_TRUE(merger.push(layer_of(0, 3, 0).get()).empty());
  const std::vector<Buffer> out = merger.push(layer_of(2, 3, 0).get());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(bytes_of(out[0].get()), shown_frame(20));
  EXPECT_TRUE(merger.push(layer_of(1, 3, 1).get()).empty()) << "its base is missing";
  EXPECT_EQ(merger.push(layer_of(2, 3, 2, true).get()).size(), 1U) << "needs none below";
}

TEST(SvcMerge, WithoutANumberOfLayersTheNextTimeEndsAPicture) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  EXPECT_TRUE(merger.push(layer_of(0, 0, 0).get()).empty());
  EXPECT_TRUE(merger.push(layer_of(1, 0, 0).get()).empty());
  EXPECT_EQ(merger.push(layer_of(0, 0, 1).get()).size(), 1U);
}

TEST(SvcMerge, MoreFramesThanAnIndexHoldsMakeSeveralPictures) {
  Stage merger("e2eevp9merge");
  merger.set_caps(kSvcCaps);
  unsigned out = 0;
  for (unsigned i = 0; i < 20; i++)
    out += static_cast<unsigned>(merger.push(at_time(buffer_of(shown_frame(300)), 0).get()).size());
  gst_harness_push_event(merger.harness(), gst_event_new_eos());
  out += static_cast<unsigned>(merger.pull().size());
  EXPECT_EQ(out, 3U);
}

}  // namespace
}  // namespace e2ee::test
