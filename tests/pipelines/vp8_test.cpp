/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP8 of many shapes through the stock payloader, which reads the frame header and ends the stream
// where it does not like what it finds there.
#include <cstdio>
#include <ostream>

#include "support/pipeline.h"
#include "support/rtp.h"

namespace e2ee::test {
namespace {

const TemporalLayers kThreeTemporalLayers = {
    {0, 2, 1, 2},
    {4, 2, 1},
    {150000, 250000, 400000},
    "<no-ref-golden+no-ref-alt+no-upd-golden+no-upd-alt,"
    "no-ref-golden+no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+no-upd-entropy,"
    "no-ref-alt+no-upd-last+no-upd-alt+no-upd-entropy,"
    "no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+no-upd-entropy>",
    "<false,true,true,false>"};

struct Shape {
  std::string name;
  unsigned width;
  unsigned height;
  unsigned count;
  std::string source;
  std::string encoder;
  std::string payloader;
  const TemporalLayers *layers = nullptr;
};

void PrintTo(const Shape &shape, std::ostream *to) {
  *to << shape.name;
}

const char *const kPayloaders[] = {
    "picture-id-mode=none mtu=1400",
    "picture-id-mode=7-bit mtu=300",
    "picture-id-mode=15-bit mtu=1200",
    "picture-id-mode=15-bit mtu=100",
};

// Sizes by token partitions, with everything else turning at its own pace, so that no value of one
// always meets the same value of another.
std::vector<Shape> grid() {
  struct Size {
    unsigned width, height, count;
  };
  const Size sizes[] = {
      {64, 64, 280}, {160, 90, 280}, {320, 240, 280}, {640, 360, 240}, {1280, 720, 80}};
  const char *const patterns[] = {"ball", "snow", "smpte"};
  const char *const encoders[] = {"target-bitrate=100000", "target-bitrate=500000",
                                  "target-bitrate=2000000 error-resilient=default",
                                  "target-bitrate=300000 error-resilient=default+partitions",
                                  "target-bitrate=0 keyframe-max-dist=7"};
  std::vector<Shape> shapes;
  for (const Size &size : sizes) {
    for (unsigned log = 0; log < 4; ++log) {
      const std::size_t turn = shapes.size();
      const std::string partitions = std::to_string(1U << log);
      shapes.push_back({std::to_string(size.width) + "x" + std::to_string(size.height) + "_" +
                            partitions + "_partitions",
                        size.width, size.height, size.count,
                        std::string("pattern=") + patterns[turn % 3],
                        std::string(encoders[turn % 5]) + " token-partitions=" + partitions,
                        kPayloaders[(turn + turn / 4) % 4]});
    }
  }
  return shapes;
}

std::vector<Shape> specials() {
  const std::string ball = "pattern=ball";
  return {
      {"two_temporal_layers", 320, 240, 200, ball, "", kPayloaders[2], &kTwoTemporalLayers},
      {"three_temporal_layers", 160, 90, 200, ball, "", kPayloaders[2], &kThreeTemporalLayers},
      {"three_temporal_layers_7_bit", 64, 64, 200, ball, "", kPayloaders[1], &kThreeTemporalLayers},
      {"layers_without_picture_id", 64, 64, 100, ball, "", kPayloaders[0], &kTwoTemporalLayers},
      // Delta frames of nothing but skipped blocks: a handful of bytes, where the tag is part of
      // what the payloader reads.
      {"tiny_frames", 64, 64, 400, "pattern=black",
       "target-bitrate=1000 min-quantizer=63 max-quantizer=63 static-threshold=10000",
       kPayloaders[0]},
      {"tiny_key_frames", 16, 16, 300, "pattern=black",
       "target-bitrate=1000 min-quantizer=63 max-quantizer=63 keyframe-max-dist=1", kPayloaders[1]},
      {"best_quality", 160, 90, 100, "pattern=snow", "min-quantizer=0 max-quantizer=0",
       kPayloaders[3]},
      {"hidden_frames", 160, 90, 200, ball,
       "auto-alt-ref=true lag-in-frames=10 target-bitrate=200000", kPayloaders[2]},
      {"odd_size", 175, 99, 200, ball, "token-partitions=4 horizontal-scaling-mode=4:5",
       kPayloaders[2]},
  };
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = grid();
  for (Shape &special : specials())
    shapes.push_back(std::move(special));
  return shapes;
}

std::string launch_of(const Shape &shape) {
  return "videotestsrc num-buffers=" + std::to_string(frames(shape.count)) + " " + shape.source +
         " ! video/x-raw, format=I420, framerate=30/1, width=" + std::to_string(shape.width) +
         ", height=" + std::to_string(shape.height) +
         " ! vp8enc name=encoder deadline=1 cpu-used=16 " + shape.encoder +
         " ! e2eeencrypt name=encrypt ! rtpvp8pay name=pay " + shape.payloader +
         " ! rtpvp8depay ! e2eedecrypt name=decrypt ! fakesink sync=false";
}

class Vp8Stream : public testing::TestWithParam<Shape> {
 protected:
  static void TearDownTestSuite() {
    std::printf("VP8 through rtpvp8pay: %zu frames equal, %zu packets\n", s_frames, s_packets);
    // With a filter some of the shapes are left out, and then nothing is known of the sum.
    if (s_shapes == all_shapes().size()) {
      EXPECT_GE(s_frames, frames(5000));
    }
  }

  void expect_layers(const std::vector<Bytes> &packets) const;

  static std::size_t s_frames, s_packets, s_shapes;
};
std::size_t Vp8Stream::s_frames, Vp8Stream::s_packets, Vp8Stream::s_shapes;

constexpr unsigned kNoLayer = 99;

// Of the payload descriptor, RFC 7741 section 4.2.
unsigned temporal_layer_of(const Bytes &packet) {
  const Bytes payload = parse(buffer_of(packet).get()).payload;
  const auto *at = payload.data();
  unsigned layer = kNoLayer;
  if ((at[0] & 0x80) != 0) {
    const guint8 extensions = at[1];
    at += 2;
    if ((extensions & 0x80) != 0)
      at += (at[0] & 0x80) != 0 ? 2 : 1;
    if ((extensions & 0x40) != 0)
      ++at;
    if ((extensions & 0x20) != 0)
      layer = at[0] >> 6;
  }
  return layer;
}

// The encoder's layers are in a meta, which has to come through encryption for the payloader.
void Vp8Stream::expect_layers(const std::vector<Bytes> &packets) const {
  std::set<unsigned> layers;
  for (const Bytes &packet : packets)
    layers.insert(temporal_layer_of(packet));
  std::set<unsigned> wanted = {kNoLayer};
  if (GetParam().layers != nullptr)
    wanted = {GetParam().layers->ids.begin(), GetParam().layers->ids.end()};
  EXPECT_EQ(layers, wanted);
}

}  // namespace

TEST_P(Vp8Stream, ComesThroughTheStockPayloaderEqual) {
  Pipeline pipeline(launch_of(GetParam()), raw_provider(0x42, 3));
  if (GetParam().layers != nullptr)
    set_temporal_layers(pipeline.get("encoder"), *GetParam().layers);
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &packets = pipeline.tap("pay");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  ASSERT_GE(plain.size(), frames(GetParam().count));
  expect_equal(opened.contents(), plain.contents());
  expect_sealed(sealed.frames(), plain.frames(), 10, 3);
  expect_layers(packets.contents());
  EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), plain.size());
  EXPECT_EQ(pipeline.stat("decrypt", "passed-plaintext"), 0U);
  ++s_shapes;
  s_frames += HasFailure() ? 0 : plain.size();
  s_packets += packets.size();
}

INSTANTIATE_TEST_SUITE_P(Shapes, Vp8Stream, testing::ValuesIn(all_shapes()),
                         [](const auto &test) { return test.param.name; });

}  // namespace e2ee::test
