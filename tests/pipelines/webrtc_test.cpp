/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Encrypted frames between two webrtcbin, through ICE and DTLS-SRTP on 127.0.0.1.
#include <algorithm>
#include <atomic>
#include <tuple>

#include "common/webrtc.h"
#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr std::size_t kEnough = 100;

void on_candidate(GstElement *, guint line, const char *candidate, GstElement *to) {
  if (examples::on_loopback(candidate))
    g_signal_emit_by_name(to, "add-ice-candidate", line, candidate);
}

void negotiate(GstElement *offerer, GstElement *answerer) {
  for (const auto &[from, to, kind] :
       {std::tuple(offerer, answerer, "offer"), std::tuple(answerer, offerer, "answer")}) {
    const auto description = examples::create_description(from, kind);
    examples::apply_description(from, "set-local-description", description.get());
    examples::apply_description(to, "set-remote-description", description.get());
  }
}

// The loss of a packet is not forbidden; a frame that was never sent, or in another order, is.
void expect_subsequence(const std::vector<Bytes> &got, const std::vector<Bytes> &sent) {
  auto at = sent.begin();
  for (std::size_t i = 0; i < got.size(); ++i) {
    at = std::find(at, sent.end(), got[i]);
    ASSERT_NE(at, sent.end()) << "frame " << i << " was not sent, or earlier";
    ++at;
  }
}

}  // namespace

TEST(WebRtc, FramesComeThroughDtlsSrtpEqual) {
  Pipeline pipeline(
      "webrtcbin name=send bundle-policy=max-bundle webrtcbin name=receive "
      "bundle-policy=max-bundle videotestsrc is-live=true pattern=ball ! video/x-raw, "
      "format=I420, width=160, height=90, framerate=60/1 ! vp8enc name=encoder deadline=1 "
      "cpu-used=16 keyframe-max-dist=20 ! e2eeencrypt name=encrypt ! rtpvp8pay "
      "picture-id-mode=15-bit ! application/x-rtp, media=video, encoding-name=VP8, payload=96 ! "
      "send. receive. ! rtpvp8depay name=depay ! e2eedecrypt name=decrypt ! fakesink sync=false "
      "async=false",
      raw_provider(0x33));
  GstElement *send = pipeline.get("send");
  GstElement *receive = pipeline.get("receive");
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &arrived = pipeline.tap("depay");
  const Tap &opened = pipeline.tap("decrypt");
  std::atomic<bool> needed{false};
  const auto on_needed = +[](GstElement *, std::atomic<bool> *flag) { *flag = true; };
  g_signal_connect(send, "on-negotiation-needed", G_CALLBACK(on_needed), &needed);
  g_signal_connect(send, "on-ice-candidate", G_CALLBACK(on_candidate), receive);
  g_signal_connect(receive, "on-ice-candidate", G_CALLBACK(on_candidate), send);
  examples::keep_to_loopback(send);
  examples::keep_to_loopback(receive);
  pipeline.play();
  ASSERT_TRUE(wait_for([&] { return needed.load(); })) << pipeline.take_error();
  negotiate(send, receive);
  ASSERT_FALSE(HasFailure());
  EXPECT_TRUE(wait_for([&] { return opened.size() >= kEnough; }, std::chrono::seconds(20)))
      << opened.size() << " of " << plain.size() << " frames. " << pipeline.take_error();
  pipeline.stop();
  expect_subsequence(arrived.contents(), sealed.contents());
  expect_subsequence(opened.contents(), plain.contents());
  EXPECT_EQ(opened.size(), arrived.size()) << "every frame that arrived was decrypted";
  expect_sealed(sealed.frames(), plain.frames(), 10, 3);
}

}  // namespace e2ee::test
