/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP9 and Opus through RTP, and the payloader that does not look into frames with stock ones behind
// it.
#include <algorithm>
#include <cstdio>
#include <ostream>

#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

struct RtpCase {
  std::string name;
  unsigned count;
  std::string encoder;  // behind a source with that many buffers
  std::string payloader;
  std::string depayloader;
  std::size_t clear_key;
  std::size_t clear_delta;
};

void PrintTo(const RtpCase &route, std::ostream *to) {
  *to << route.name;
}

std::string video(unsigned count, const char *size, const char *pattern) {
  return "videotestsrc num-buffers=" + std::to_string(frames(count)) + " pattern=" + pattern +
         " ! video/x-raw, format=I420, framerate=30/1, " + size + " ! ";
}

// Ticks: a burst each second and silence between, which discontinuous transmission makes the most
// of.
std::string audio(unsigned count, const char *wave) {
  return "audiotestsrc samplesperbuffer=960 num-buffers=" + std::to_string(frames(count)) +
         " wave=" + wave + " ! audio/x-raw, rate=48000, channels=2 ! audioconvert ! ";
}

std::vector<RtpCase> routes() {
  const std::string vp8 = "vp8enc name=encoder deadline=1 cpu-used=16 ";
  const std::string vp9 = "vp9enc name=encoder deadline=1 cpu-used=8 threads=1 ";
  const std::string opus = "opusenc name=encoder ";
  const std::string dtx = opus + "dtx=true audio-type=voice bitrate=16000 bitrate-type=vbr ";
  const std::string ours = "rtpe2eepay picture-id-mode=";
  const char *const small = "width=160, height=90";
  const char *const middle = "width=320, height=240";
  return {
      {"vp9_15_bit", 200, video(200, small, "ball") + vp9, ours + "15-bit", "rtpvp9depay", 0, 0},
      {"vp9_7_bit", 150, video(150, middle, "ball") + vp9 + "target-bitrate=600000",
       ours + "7-bit mtu=400", "rtpvp9depay", 0, 0},
      {"vp9_without_id", 200, video(200, small, "smpte") + vp9 + "keyframe-max-dist=10",
       ours + "none mtu=200", "rtpvp9depay", 0, 0},
      {"vp8_15_bit", 200, video(200, small, "ball") + vp8, ours + "15-bit", "rtpvp8depay", 10, 3},
      {"vp8_without_id", 200, video(200, middle, "snow") + vp8 + "token-partitions=8",
       ours + "none mtu=300", "rtpvp8depay", 10, 3},
      {"opus_ours", 500, audio(500, "pink-noise") + opus, "rtpe2eepay", "rtpopusdepay", 1, 1},
      {"opus", 500, audio(500, "sine") + opus, "rtpopuspay", "rtpopusdepay", 1, 1},
      {"opus_mono_short", 500,
       audio(200, "pink-noise") + "audio/x-raw, channels=1 ! " + opus + "frame-size=5",
       "rtpopuspay", "rtpopusdepay", 1, 1},
      // With dtx the payloader drops silence, which it knows by sizes of up to two bytes.
      {"opus_dtx", 600, audio(600, "ticks") + dtx, "rtpopuspay dtx=true", "rtpopusdepay", 1, 1},
      {"opus_dtx_ours", 600, audio(600, "ticks") + dtx, "rtpe2eepay", "rtpopusdepay", 1, 1},
  };
}

class RtpRoute : public testing::TestWithParam<RtpCase> {
 protected:
  static void TearDownTestSuite() {
    for (const auto &[codec, count] : s_frames)
      std::printf("%s through RTP: %zu frames equal\n", codec.c_str(), count);
  }
  static std::map<std::string, std::size_t> s_frames;
};
std::map<std::string, std::size_t> RtpRoute::s_frames;

std::size_t count_small(const std::vector<Bytes> &all) {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const Bytes &frame) { return frame.size() <= 2; }));
}

}  // namespace

TEST_P(RtpRoute, FramesAreEqual) {
  const RtpCase &route = GetParam();
  Pipeline pipeline(route.encoder + " ! e2eeencrypt name=encrypt ! " + route.payloader +
                        " name=pay ! " + route.depayloader +
                        " ! e2eedecrypt name=decrypt ! fakesink sync=false",
                    raw_provider(0x24));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  ASSERT_GE(plain.size(), frames(route.count));
  expect_equal(opened.contents(), plain.contents());
  expect_sealed(sealed.frames(), plain.frames(), route.clear_key, route.clear_delta);
  if (route.name.find("dtx") != std::string::npos) {
    EXPECT_GT(count_small(plain.contents()), plain.size() / 4) << "the encoder sent all along";
  }
  s_frames[route.name.substr(0, route.name.find('_'))] += plain.size();
}

INSTANTIATE_TEST_SUITE_P(Routes, RtpRoute, testing::ValuesIn(routes()),
                         [](const auto &test) { return test.param.name; });

// The element "network" loses every seventh packet, and never the last of 31 or 301, which nothing
// repeats.
class Lossy {
 public:
  explicit Lossy(const Pipeline &pipeline) {
    GstPad *pad = gst_element_get_static_pad(pipeline.get("network"), "sink");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *, gpointer data) {
          auto *self = static_cast<Lossy *>(data);
          if (++self->packets_ % 7 != 5)
            return GST_PAD_PROBE_OK;
          ++self->lost_;
          return GST_PAD_PROBE_DROP;
        },
        this, nullptr);
    gst_object_unref(pad);
  }
  unsigned lost() const { return lost_; }

 private:
  unsigned packets_ = 0;
  unsigned lost_ = 0;
};

// RED (RFC 2198) outside the encryption: each packet repeats the one before, sealed as it was.
TEST(RtpRoutes, RedAroundEncryptedOpus) {
  for (const bool own : {false, true}) {
    const std::string prefix = own ? "rtpe2ee" : "rtpopus";
    Pipeline pipeline(audio(300, "pink-noise") + "opusenc name=encoder ! e2eeencrypt ! " + prefix +
                          "pay pt=96 ! rtpredenc pt=100 distance=1 ! identity name=network ! "
                          "rtpreddec name=red pt=100 ! " +
                          prefix +
                          "depay ! e2eedecrypt name=decrypt replay-window=64 ! fakesink "
                          "sync=false",
                      raw_provider(0x24));
    const Lossy network(pipeline);
    const Tap &plain = pipeline.tap("encoder");
    const Tap &opened = pipeline.tap("decrypt");
    ASSERT_TRUE(pipeline.run());
    EXPECT_GT(network.lost(), plain.size() / 8);
    expect_equal(opened.contents(), plain.contents());
    EXPECT_EQ(pipeline.stat("decrypt", "frames-in"), plain.size());
    EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), plain.size());
  }
}

// RED inside the encryption, as browsers have it: made of packets, encrypted as if a payload was a
// frame of Opus, and named RED again.
TEST(RtpRoutes, RedInsideEncryptedOpus) {
  const std::string named = "capssetter caps=application/x-rtp,encoding-name=RED ! ";
  Pipeline pipeline(audio(300, "pink-noise") +
                        "opusenc name=encoder ! rtpopuspay pt=111 ! rtpredenc pt=63 distance=1 "
                        "allow-no-red-blocks=true ! " +
                        named + "rtpe2eedepay ! e2eeencrypt name=encrypt ! rtpopuspay pt=63 ! " +
                        named +
                        "identity name=network ! rtpe2eedepay ! e2eedecrypt name=decrypt ! "
                        "e2eereddec name=red ! fakesink sync=false",
                    raw_provider(0x24));
  const Lossy network(pipeline);
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("red");
  ASSERT_TRUE(pipeline.run());
  EXPECT_GT(network.lost(), plain.size() / 8);
  EXPECT_GT(sealed.frames().back().bytes.size(), plain.frames().back().bytes.size() * 3 / 2);
  EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), plain.size() - network.lost());
  expect_equal(opened.contents(), plain.contents());
}

// Why rtpe2eepay exists: should this begin to pass, README and documentation have to change.
TEST(RtpRoutes, TheStockPayloaderRefusesVp9WithNothingInTheClear) {
  Pipeline pipeline(
      video(100, "width=160, height=90", "ball") +
          "vp9enc deadline=1 cpu-used=8 ! e2eeencrypt ! rtpvp9pay name=pay ! fakesink",
      raw_provider(0x24));
  pipeline.forgive_leaks_of("pay");
  pipeline.play();
  std::string error;
  EXPECT_TRUE(wait_for([&] { return !(error = pipeline.take_error()).empty(); }));
}

}  // namespace e2ee::test
