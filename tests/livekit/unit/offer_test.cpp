// SPDX-License-Identifier: LGPL-2.1-or-later
// What webrtcbin sees of a LiveKit server's offers, and the server of its answers.
#include "recorder/offer.h"

#include <gtest/gtest.h>

#include "common/open_sections.h"

namespace {

constexpr const char *kOffer =
    "v=0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 108 109 45\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtcp-fb:96 nack\r\n"
    "a=rtpmap:97 rtx/90000\r\n"
    "a=fmtp:97 apt=96\r\n"
    "a=rtpmap:98 H264/90000\r\n"
    "a=fmtp:98 packetization-mode=0;profile-level-id=42e01f\r\n"
    "a=rtpmap:108 H264/90000\r\n"
    "a=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtcp-fb:108 nack\r\n"
    "a=rtcp-fb:108 goog-remb\r\n"
    "a=rtpmap:109 rtx/90000\r\n"
    "a=fmtp:109 apt=108\r\n"
    "a=rtpmap:45 AV1/90000\r\n"
    "a=recvonly\r\n";

bool has(const std::string &sdp, const std::string &line) {
  return sdp.find(line + "\r\n") != std::string::npos;
}

TEST(LiveKitOffer, KeepsOneCodecAndItsRetransmission) {
  const std::string kept = recorder::keep_codecs(kOffer, [](unsigned) { return "h264"; });
  EXPECT_TRUE(has(kept, "m=video 9 UDP/TLS/RTP/SAVPF 108 109"));
  EXPECT_FALSE(has(kept, "a=rtpmap:96 VP8/90000"));
  EXPECT_FALSE(has(kept, "a=rtpmap:98 H264/90000"));
}

TEST(LiveKitOffer, IsAnsweredWithEveryCodecThatIsRecorded) {
  const std::string answer =
      "v=0\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"
      "a=rtpmap:108 H264/90000\r\n"
      "a=rtcp-fb:108 nack\r\n"
      "a=fmtp:108 packetization-mode=1\r\n"
      "a=rtpmap:109 rtx/90000\r\n"
      "a=fmtp:109 apt=108\r\n"
      "a=recvonly\r\n";
  const std::string accepted = recorder::accept_codecs(answer, kOffer);
  EXPECT_TRUE(has(accepted, "m=video 9 UDP/TLS/RTP/SAVPF 108 109 96 97"));
  EXPECT_TRUE(has(accepted, "a=rtpmap:96 VP8/90000"));
  EXPECT_TRUE(has(accepted, "a=fmtp:97 apt=96"));
  EXPECT_TRUE(has(accepted, "a=fmtp:108 packetization-mode=1;profile-level-id=42e01f"));
  EXPECT_FALSE(has(accepted, "a=fmtp:108 packetization-mode=1"));
  EXPECT_FALSE(has(accepted, "a=rtcp-fb:108 goog-remb"));  // webrtcbin does not send it
  EXPECT_FALSE(has(accepted, "a=rtpmap:45 AV1/90000"));
}

TEST(LiveKitOffer, StaysOpenForWebrtcbinAndClosedForTheServer) {
  examples::OpenSections sections;
  EXPECT_TRUE(has(sections.open(kOffer), "a=sendonly"));
  EXPECT_TRUE(has(sections.close("m=video 9 X 96\r\na=recvonly\r\n"), "a=inactive"));
  // Used again.
  const std::string sends = "m=video 9 X 96\r\na=sendonly\r\n";
  EXPECT_EQ(sections.open(sends), sends);
  EXPECT_TRUE(has(sections.close("m=video 9 X 96\r\na=recvonly\r\n"), "a=recvonly"));
}

}  // namespace
