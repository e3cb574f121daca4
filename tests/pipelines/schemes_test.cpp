/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The schemes beside livekit through RTP, with real encoders.
#include <ostream>

#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

struct SchemeCase {
  const char *name;
  const char *encoder;   // behind its source
  const char *settings;  // of both elements
  const char *payloader;
  const char *depayloader;
  int clear_key;  // of the trailer schemes; negative: another layout
  int clear_delta;
};

void PrintTo(const SchemeCase &route, std::ostream *to) {
  *to << route.name;
}

constexpr char kVp8Encoder[] = "vp8enc name=encoder deadline=1 cpu-used=16 keyframe-max-dist=20";
constexpr char kVp9Encoder[] =
    "vp9enc name=encoder deadline=1 cpu-used=8 threads=1 keyframe-max-dist=20";
constexpr char kOpusEncoder[] = "opusenc name=encoder";

const SchemeCase kRoutes[] = {
    {"realtimekit_vp8", kVp8Encoder, "scheme=realtimekit", "rtpvp8pay", "rtpvp8depay", 10, 3},
    {"realtimekit_vp9", kVp9Encoder, "scheme=realtimekit", "rtpvp9pay", "rtpvp9depay", 10, 3},
    {"realtimekit_opus", kOpusEncoder, "scheme=realtimekit", "rtpopuspay", "rtpopusdepay", 1, 1},
    {"jitsi_vp8", kVp8Encoder, "scheme=jitsi", "rtpvp8pay", "rtpvp8depay", 10, 3},
    {"jitsi_vp9", kVp9Encoder, "scheme=jitsi", "rtpvp9pay", "rtpvp9depay", 10, 3},
    {"jitsi_opus", kOpusEncoder, "scheme=jitsi", "rtpopuspay", "rtpopusdepay", 1, 1},
    {"sframe_vp8", kVp8Encoder, "scheme=sframe", "rtpe2eepay", "rtpvp8depay", -1, -1},
    {"sframe_vp9", kVp9Encoder, "scheme=sframe sframe-suite=5", "rtpe2eepay", "rtpvp9depay", -1,
     -1},
    {"sframe_opus", kOpusEncoder, "scheme=sframe sframe-suite=3", "rtpe2eepay", "rtpopusdepay", -1,
     -1},
    {"sframe_opus_stock", kOpusEncoder, "scheme=sframe", "rtpopuspay", "rtpopusdepay", -1, -1},
};

class SchemeRoute : public testing::TestWithParam<SchemeCase> {};

}  // namespace

TEST_P(SchemeRoute, FramesAreEqual) {
  const SchemeCase &route = GetParam();
  const std::string settings = std::string(" ") + route.settings;
  const bool audio = route.encoder == kOpusEncoder;
  const std::string count = " num-buffers=" + std::to_string(frames(300));
  const std::string source =
      audio ? "audiotestsrc wave=pink-noise samplesperbuffer=960" + count +
                  " ! audio/x-raw, rate=48000, channels=2 ! "
            : "videotestsrc pattern=ball" + count +
                  " ! video/x-raw, format=I420, framerate=30/1, width=320, height=240 ! ";
  Pipeline pipeline(source + route.encoder + " ! e2eeencrypt name=encrypt" + settings + " ! " +
                        route.payloader + " ! " + route.depayloader +
                        " ! e2eedecrypt name=decrypt" + settings + " ! fakesink sync=false",
                    raw_provider(0x24));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  ASSERT_GE(plain.size(), frames(300));
  expect_equal(opened.contents(), plain.contents());
  if (route.clear_key >= 0)
    expect_sealed(sealed.frames(), plain.frames(), static_cast<std::size_t>(route.clear_key),
                  static_cast<std::size_t>(route.clear_delta));
}

INSTANTIATE_TEST_SUITE_P(Routes, SchemeRoute, testing::ValuesIn(kRoutes),
                         [](const auto &test) { return std::string(test.param.name); });

// Why SFrame's VP8 goes through rtpe2eepay: there is no IV to choose.
TEST(SchemeRoutes, TheStockPayloaderRefusesSframeVp8) {
  Pipeline pipeline(
      std::string("videotestsrc num-buffers=200 ! video/x-raw, width=320, height=240 ! ") +
          kVp8Encoder + " ! e2eeencrypt scheme=sframe ! rtpvp8pay name=pay ! fakesink",
      raw_provider(0x24));
  pipeline.forgive_leaks_of("pay");
  pipeline.play();
  std::string error;
  EXPECT_TRUE(wait_for([&] { return !(error = pipeline.take_error()).empty(); }));
}

}  // namespace e2ee::test
