// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "common/sframe_sdp.h"

namespace {

using examples::sframe_disagreement;

constexpr const char *kSession = "v=0\r\no=- 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

std::string section(const std::string &kind, bool sframe, int port = 9) {
  return "m=" + kind + " " + std::to_string(port) + " UDP/TLS/RTP/SAVPF 96\r\na=mid:" + kind +
         "\r\n" + (sframe ? "a=sframe\r\n" : "");
}

std::string sdp(const std::string &audio, const std::string &video) {
  return kSession + audio + video;
}

const std::string kBoth = sdp(section("audio", true), section("video", true));
const std::string kNone = sdp(section("audio", false), section("video", false));

TEST(SFrameSdp, SectionsAgree) {
  EXPECT_EQ(sframe_disagreement(kBoth, kBoth), "");
  EXPECT_EQ(sframe_disagreement(kNone, kNone), "");
  const std::string mixed = sdp(section("audio", false), section("video", true));
  EXPECT_EQ(sframe_disagreement(mixed, mixed), "");
}

TEST(SFrameSdp, AnAnswerWithoutItIsRefusedByName) {
  EXPECT_EQ(sframe_disagreement(kBoth, sdp(section("audio", true), section("video", false))),
            "the answer takes no SFrame (a=sframe) for media section 2 (video)");
  EXPECT_EQ(sframe_disagreement(kBoth, kNone),
            "the answer takes no SFrame (a=sframe) for media section 1 (audio)");
}

TEST(SFrameSdp, AnAnswerWithWhatWasNotOfferedIsRefused) {
  EXPECT_EQ(sframe_disagreement(kNone, sdp(section("audio", false), section("video", true))),
            "the answer has SFrame (a=sframe) for media section 2 (video), for which none was "
            "offered");
}

TEST(SFrameSdp, AMissingSectionIsNoAgreement) {
  EXPECT_NE(sframe_disagreement(kBoth, kSession + section("audio", true)), "");
  EXPECT_NE(sframe_disagreement(kBoth, ""), "");
}

// No media flows there, so that there is nothing to protect.
TEST(SFrameSdp, RejectedSectionsAreLeftOut) {
  EXPECT_EQ(sframe_disagreement(kBoth, sdp(section("audio", true), section("video", false, 0))),
            "");
}

// The attribute is one of media; other names that begin like it are other attributes.
TEST(SFrameSdp, OnlyTheAttributeOfTheSectionCounts) {
  EXPECT_NE(sframe_disagreement(kBoth, std::string(kSession) + "a=sframe\r\n" +
                                           section("audio", false) + section("video", false)),
            "");
  std::string other = kBoth;
  other.replace(other.rfind("a=sframe"), 8, "a=sframe-x");
  EXPECT_NE(sframe_disagreement(kBoth, other), "");
}

TEST(SFrameSdp, LineEndsOfOneCharacterAreRead) {
  std::string unix_ends = kBoth;
  std::erase(unix_ends, '\r');
  EXPECT_EQ(sframe_disagreement(kBoth, unix_ends), "");
}

}  // namespace
