/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The caps that rtpe2eedepay gives, beside those of the stock depayloaders.
#include "support/rtp.h"

namespace e2ee::test {
namespace {

// Whether `caps` have all that `less` have; a stock element of an older release says less.
bool says_all_of(const Caps &caps, const Caps &less) {
  return gst_caps_get_size(less.get()) == 1 && gst_caps_is_subset(caps.get(), less.get());
}

TEST(RtpDepayCaps, AudioIsAsFromTheStockDepayloader) {
  for (const char *rtp_caps :
       {"encoding-name=OPUS", "encoding-name=OPUS, sprop-stereo=(string)0",
        "encoding-name=OPUS, sprop-stereo=(string)1, sprop-maxcapturerate=(string)16000",
        "encoding-name=X-GST-OPUS-DRAFT-SPITTKA-00",
        "encoding-name=MULTIOPUS, encoding-params=(string)6, num_streams=(string)4, "
        "coupled_streams=(string)2, channel_mapping=(string)\"0,4,1,2,3,5\""}) {
    const std::string caps =
        "application/x-rtp, media=audio, payload=111, clock-rate=48000, " + std::string(rtp_caps);
    Stage stock("rtpopusdepay");
    Stage ours("rtpe2eedepay");
    for (Stage *stage : {&stock, &ours}) {
      stage->set_caps(caps.c_str());
      stage->push(make_packet(noise(20, 1), 1, 0, true).get());
    }
    EXPECT_TRUE(says_all_of(ours.out_caps(), stock.out_caps()))
        << text_of(ours.out_caps()) << " instead of " << text_of(stock.out_caps());
  }
}

// The stock depayloader says so from 1.24 on.
TEST(RtpDepayCaps, OpusHasARateInAnyCase) {
  for (const auto &[rtp_caps, rate] :
       {std::pair("", "48000"), std::pair(", sprop-maxcapturerate=(string)16000", "16000"),
        std::pair(", sprop-maxcapturerate=(string)x", "48000")}) {
    Stage stage("rtpe2eedepay");
    stage.set_caps((std::string("application/x-rtp, media=audio, payload=111, clock-rate=48000, "
                                "encoding-name=OPUS") +
                    rtp_caps)
                       .c_str());
    stage.push(make_packet(noise(20, 1), 1, 0, true).get());
    EXPECT_EQ(field_of(stage.out_caps(), "rate"), rate) << rtp_caps;
  }
}

TEST(RtpDepayCaps, BadOnesAreRefused) {
  for (const char *rtp_caps :
       {"encoding-name=MULTIOPUS",
        "encoding-name=MULTIOPUS, encoding-params=(string)6, "
        "num_streams=(string)7, coupled_streams=(string)2, "
        "channel_mapping=(string)\"0,4,1,2,3,5\"",
        "encoding-name=MULTIOPUS, encoding-params=(string)6, num_streams=(string)4, "
        "coupled_streams=(string)2, channel_mapping=(string)\"0,4,1\"",
        "encoding-name=H264"}) {
    Stage stage("rtpe2eedepay");
    stage.set_caps(
        ("application/x-rtp, media=audio, clock-rate=48000, " + std::string(rtp_caps)).c_str());
    EXPECT_EQ(stage.try_push(make_packet(noise(20, 1), 1, 0, true).get()), GST_FLOW_NOT_NEGOTIATED)
        << rtp_caps;
  }
}

TEST(RtpDepayCaps, HeaderExtensionsWorkAsInAnyDepayloader) {
  Payloader payloader(kVp9);
  Stage depayloader("rtpe2eedepay");
  for (Stage *stage : {static_cast<Stage *>(&payloader), &depayloader}) {
    GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(
        "http://www.webrtc.org/experiments/rtp-hdrext/color-space");
    ASSERT_NE(extension, nullptr);
    gst_rtp_header_extension_set_id(extension, 3);
    g_signal_emit_by_name(stage->element(), "add-extension", extension);
    gst_object_unref(extension);
  }
  payloader.Stage::set_caps("video/x-vp9, width=320, height=240, colorimetry=bt709");
  const Buffer frame = make_frame(5000, true);
  Row row({&payloader, &depayloader});
  const std::vector<Buffer> out = row.push(frame.get());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(bytes_of(out[0].get()), bytes_of(frame.get()));
  EXPECT_EQ(field_of(depayloader.out_caps(), "colorimetry"), "bt709");
}

}  // namespace
}  // namespace e2ee::test
