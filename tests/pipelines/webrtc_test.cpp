/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Encrypted frames between two webrtcbin, through ICE and DTLS-SRTP on 127.0.0.1.
#include <gst/webrtc/webrtc.h>

#include <algorithm>
#include <atomic>

#include "pipeline.h"

namespace pipelines {
namespace {

constexpr const char *kLoopback = "127.0.0.1";
constexpr std::size_t kEnough = 100;

struct PromiseUnref {
  void operator()(GstPromise *promise) const { gst_promise_unref(promise); }
};
using Promise = std::unique_ptr<GstPromise, PromiseUnref>;

struct DescriptionFree {
  void operator()(GstWebRTCSessionDescription *description) const {
    gst_webrtc_session_description_free(description);
  }
};
using Description = std::unique_ptr<GstWebRTCSessionDescription, DescriptionFree>;

Description create(GstElement *peer, const char *kind) {
  const Promise promise(gst_promise_new());
  g_signal_emit_by_name(peer, (std::string("create-") + kind).c_str(), nullptr, promise.get());
  GstWebRTCSessionDescription *description = nullptr;
  if (gst_promise_wait(promise.get()) == GST_PROMISE_RESULT_REPLIED)
    gst_structure_get(gst_promise_get_reply(promise.get()), kind,
                      GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, nullptr);
  EXPECT_NE(description, nullptr) << kind;
  return Description(description);
}

void apply(GstElement *peer, const char *signal, const Description &description) {
  const Promise promise(gst_promise_new());
  g_signal_emit_by_name(peer, signal, description.get(), promise.get());
  EXPECT_EQ(gst_promise_wait(promise.get()), GST_PROMISE_RESULT_REPLIED) << signal;
}

// "candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host": nothing else is told to the other side.
void on_candidate(GstElement *, guint line, const char *candidate, GstElement *to) {
  const std::string text = candidate;
  if (text.find(" UDP ") != std::string::npos &&
      text.find(std::string(" ") + kLoopback + " ") != std::string::npos)
    g_signal_emit_by_name(to, "add-ice-candidate", line, candidate);
}

void keep_to_loopback(GstElement *peer) {
  GObject *ice = nullptr;
  g_object_get(peer, "ice-agent", &ice, nullptr);
  gboolean added = FALSE;
  g_signal_emit_by_name(ice, "add-local-ip-address", kLoopback, &added);
  EXPECT_TRUE(added);
  GObject *agent = nullptr;
  g_object_get(ice, "agent", &agent, nullptr);
  g_object_set(agent, "upnp", FALSE, "ice-tcp", FALSE, nullptr);
  g_object_unref(agent);
  g_object_unref(ice);
}

void negotiate(GstElement *offerer, GstElement *answerer) {
  const Description offer = create(offerer, "offer");
  apply(offerer, "set-local-description", offer);
  apply(answerer, "set-remote-description", offer);
  const Description answer = create(answerer, "answer");
  apply(answerer, "set-local-description", answer);
  apply(offerer, "set-remote-description", answer);
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
      elements::raw_provider(0x33));
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
  keep_to_loopback(send);
  keep_to_loopback(receive);
  pipeline.play();
  ASSERT_TRUE(elements::wait_for([&] { return needed.load(); })) << pipeline.take_error();
  negotiate(send, receive);
  ASSERT_FALSE(HasFailure());
  EXPECT_TRUE(
      elements::wait_for([&] { return opened.size() >= kEnough; }, std::chrono::seconds(20)))
      << opened.size() << " of " << plain.size() << " frames. " << pipeline.take_error();
  pipeline.stop();
  expect_subsequence(arrived.contents(), sealed.contents());
  expect_subsequence(opened.contents(), plain.contents());
  EXPECT_EQ(opened.size(), arrived.size()) << "every frame that arrived was decrypted";
  expect_sealed(sealed.frames(), plain.frames(), 10, 3);
}

}  // namespace pipelines
