/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Stock payloaders that fail on encrypted frames: the encryptor warns of those that it can see.
// Which these are is a matter of matrix_test.cpp.
#include "payloader.h"

namespace e2ee::test {
namespace {

constexpr char kSender[] = "e2eeencrypt name=enc ! ";

class Payloaders : public testing::TestWithParam<const char *> {};
class NoPayloaders : public Payloaders {};

std::vector<std::string> warnings_with(const std::string &rest) {
  Pipeline pipeline(kSender + rest, raw_provider(0x71));
  return warnings_at_caps(pipeline, kVp9);
}

}  // namespace

TEST_P(Payloaders, AreFound) {
  const std::vector<std::string> warnings = warnings_with(GetParam());
  ASSERT_EQ(warnings.size(), 1U);
  for (const char *part : {"pay ", "VP9", "livekit", "rtpe2eepay"})
    EXPECT_NE(warnings[0].find(part), std::string::npos) << warnings[0];
}

INSTANTIATE_TEST_SUITE_P(
    Behind, Payloaders,
    testing::Values("rtpvp9pay name=pay ! fakesink async=false",
                    "queue ! identity ! capsfilter caps=video/x-vp9 ! valve ! rtpvp9pay name=pay ! "
                    "fakesink async=false",
                    "tee name=t ! queue ! fakesink async=false t. ! queue2 ! rtpvp9pay name=pay ! "
                    "fakesink async=false",
                    "multiqueue ! rtpvp9pay name=pay ! fakesink async=false",
                    "tee name=t ! queue ! rtpvp9pay name=pay ! fakesink async=false t. ! queue ! "
                    "rtpvp9pay ! fakesink async=false"));

TEST_P(NoPayloaders, AreNoReasonToWarn) {
  EXPECT_TRUE(warnings_with(GetParam()).empty());
}

INSTANTIATE_TEST_SUITE_P(Behind, NoPayloaders,
                         testing::Values("fakesink async=false",
                                         "rtpe2eepay ! fakesink async=false",
                                         "queue ! e2eedecrypt ! rtpvp9pay ! fakesink async=false",
                                         "webmmux ! fakesink async=false",
                                         "tee name=t ! queue ! fakesink async=false"));

TEST(PayloadersInBins, AreFoundOutOfOneBinAndInAnother) {
  Pipeline pipeline("identity name=out ! fakesink async=false", raw_provider(0x72));
  Error error;
  for (const auto &[name, line] : {std::pair<const char *, std::string>{"from", kSender},
                                   {"to", "queue ! rtpvp9pay name=pay"}}) {
    GstElement *bin = gst_parse_bin_from_description((line + (*name == 'f' ? "queue" : "")).c_str(),
                                                     TRUE, error.at());
    ASSERT_NE(bin, nullptr) << error.text();
    gst_object_set_name(GST_OBJECT(bin), name);
    gst_bin_add(GST_BIN(pipeline.pipeline()), bin);
  }
  ASSERT_TRUE(gst_element_link_many(pipeline.get("from"), pipeline.get("to"), pipeline.get("out"),
                                    nullptr));
  const std::vector<std::string> warnings = warnings_at_caps(pipeline, kVp9);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("pay "), std::string::npos) << warnings[0];
}

TEST(PayloaderWarning, ComesOnceForACodecAndRun) {
  Pipeline pipeline(std::string(kSender) + "rtpvp9pay ! fakesink async=false", raw_provider(0x73));
  EXPECT_EQ(warnings_at_caps(pipeline, kVp9).size(), 1U);
  EXPECT_TRUE(warnings_at_caps(pipeline, "video/x-vp9, width=640, height=480").empty());
  EXPECT_TRUE(warnings_at_caps(pipeline, kVp8).empty());
  EXPECT_TRUE(warnings_at_caps(pipeline, kVp9).empty()) << "told before another codec came";
  pipeline.stop();
  EXPECT_EQ(warnings_at_caps(pipeline, kVp9).size(), 1U);
}

TEST(PayloaderWarning, IsNotForFramesInTheClear) {
  Pipeline pipeline("e2eeencrypt name=enc enabled=false ! rtpvp9pay ! fakesink async=false",
                    raw_provider(0x74));
  EXPECT_TRUE(warnings_at_caps(pipeline, kVp9).empty());
}

}  // namespace e2ee::test
