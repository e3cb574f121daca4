/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Encoders through SFrame over RTP: encryptor, payloader, depayloader and decryptor.
#include <gst/rtp/rtp.h>

#include <cstdio>
#include <ostream>
#include <set>

#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr char kTestVideo[] =
    " pattern=ball ! video/x-raw, format=I420, framerate=30/1, width=160, height=90 ! ";

struct SframeRoute {
  const char *name;
  bool audio;
  const char *encoder;  // named "encoder", or what makes the frames of it
};

void PrintTo(const SframeRoute &route, std::ostream *to) {
  *to << route.name;
}

constexpr SframeRoute kSframeRoutes[] = {
    {"h264", false,
     "x264enc speed-preset=ultrafast key-int-max=25 ! h264parse name=encoder ! video/x-h264, "
     "stream-format=byte-stream, alignment=au"},
    {"h265", false,
     "x265enc speed-preset=ultrafast key-int-max=25 option-string=repeat-headers=1 ! h265parse "
     "name=encoder ! video/x-h265, "
     "stream-format=byte-stream, alignment=au"},
    {"av1", false,
     "av1enc cpu-used=8 usage-profile=realtime keyframe-max-dist=25 ! av1parse name=encoder ! "
     "video/x-av1, stream-format=obu-stream, alignment=tu"},
    {"vp8", false, "vp8enc name=encoder deadline=1 cpu-used=16 keyframe-max-dist=25"},
    {"vp9", false, "vp9enc name=encoder deadline=1 cpu-used=8 keyframe-max-dist=25"},
    {"opus", true, "opusenc name=encoder"},
};

std::string source_of(const SframeRoute &route, unsigned count) {
  const std::string buffers = "num-buffers=" + std::to_string(frames(count));
  if (route.audio)
    return "audiotestsrc samplesperbuffer=960 wave=pink-noise " + buffers +
           " ! audio/x-raw, rate=48000, channels=2 ! ";
  return "videotestsrc " + buffers + kTestVideo;
}

class SframeRtpRoute : public testing::TestWithParam<SframeRoute> {};

}  // namespace

TEST_P(SframeRtpRoute, FramesAreEqual) {
  const SframeRoute &route = GetParam();
  Pipeline pipeline(source_of(route, 200) + route.encoder +
                        " ! e2eeencrypt name=encrypt scheme=sframe ! rtpe2eepay name=pay mtu=500 "
                        "payload-format=sframe ! rtpe2eedepay name=depay payload-format=sframe ! "
                        "e2eedecrypt name=decrypt scheme=sframe ! fakesink sync=false",
                    raw_provider(0x24));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &arrived = pipeline.tap("depay");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  ASSERT_GE(plain.size(), frames(200));
  expect_equal(arrived.contents(), sealed.contents());
  expect_equal(opened.contents(), plain.contents());
  std::printf("%s in SFrame over RTP: %zu frames equal\n", route.name, plain.size());
}

// The SSRC that packets really have decides on the key, at both ends.
TEST(SframeRtpSsrc, KeysAreThoseOfThePayloadersSsrc) {
  Pipeline pipeline(source_of(kSframeRoutes[3], 100) + kSframeRoutes[3].encoder +
                        " ! e2eeencrypt scheme=sframe sframe-per-ssrc=true sframe-ssrc=1 ! "
                        "rtpe2eepay payload-format=sframe ssrc=2 ! rtpe2eedepay "
                        "payload-format=sframe ! e2eedecrypt name=decrypt scheme=sframe "
                        "sframe-per-ssrc=true ! fakesink sync=false",
                    raw_provider(0x24));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  expect_equal(opened.contents(), plain.contents());
}

namespace {

// Tells the payloader of a collision once, when so many frames have left it.
struct Collision {
  unsigned after;
  unsigned frames = 0;
  std::set<guint32> ssrcs;

  void on_frame(GstPad *pad, GstBuffer *first_packet) {
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    ASSERT_TRUE(gst_rtp_buffer_map(first_packet, GST_MAP_READ, &rtp));
    const guint32 ssrc = gst_rtp_buffer_get_ssrc(&rtp);
    gst_rtp_buffer_unmap(&rtp);
    ssrcs.insert(ssrc);
    if (++frames == after)
      gst_pad_send_event(pad, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                   gst_structure_new("GstRTPCollision", "ssrc",
                                                                     G_TYPE_UINT, ssrc, nullptr)));
  }
};

}  // namespace

TEST(SframeRtpSsrc, ACollisionLosesNoFrameOfASynchronousPipeline) {
  Pipeline pipeline(source_of(kSframeRoutes[3], 100) + kSframeRoutes[3].encoder +
                        " ! e2eeencrypt scheme=sframe sframe-per-ssrc=true sframe-ssrc=1 ! "
                        "rtpe2eepay name=pay payload-format=sframe ssrc=1 ! rtpe2eedepay "
                        "payload-format=sframe ! e2eedecrypt name=decrypt scheme=sframe "
                        "sframe-per-ssrc=true ! fakesink sync=false",
                    raw_provider(0x24));
  Collision collision{.after = frames(100) / 2};
  GstPad *pad = gst_element_get_static_pad(pipeline.get("pay"), "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER_LIST,
      [](GstPad *src, GstPadProbeInfo *info, gpointer data) {
        GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
        static_cast<Collision *>(data)->on_frame(src, gst_buffer_list_get(list, 0));
        return GST_PAD_PROBE_OK;
      },
      &collision, nullptr);
  gst_object_unref(pad);
  const Tap &plain = pipeline.tap("encoder");
  const Tap &opened = pipeline.tap("decrypt");
  ASSERT_TRUE(pipeline.run());
  EXPECT_EQ(collision.ssrcs.size(), 2U);
  expect_equal(opened.contents(), plain.contents());
}

INSTANTIATE_TEST_SUITE_P(Codecs, SframeRtpRoute, testing::ValuesIn(kSframeRoutes),
                         [](const auto &test) { return std::string(test.param.name); });

}  // namespace e2ee::test
