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

// Offer and answer.
std::vector<examples::DescriptionPtr> negotiate(GstElement *offerer, GstElement *answerer) {
  std::vector<examples::DescriptionPtr> descriptions;
  for (const auto &[from, to, kind] :
       {std::tuple(offerer, answerer, "offer"), std::tuple(answerer, offerer, "answer")}) {
    const auto &description = descriptions.emplace_back(examples::create_description(from, kind));
    examples::apply_description(from, "set-local-description", description.get());
    examples::apply_description(to, "set-remote-description", description.get());
  }
  return descriptions;
}

// Negotiates as soon as `send` asks for it; both exchange candidates of 127.0.0.1.
std::vector<examples::DescriptionPtr> connect(Pipeline &pipeline, GstElement *send,
                                              GstElement *receive) {
  std::atomic<bool> needed{false};
  const auto on_needed = +[](GstElement *, std::atomic<bool> *flag) { *flag = true; };
  const gulong handler =
      g_signal_connect(send, "on-negotiation-needed", G_CALLBACK(on_needed), &needed);
  g_signal_connect(send, "on-ice-candidate", G_CALLBACK(on_candidate), receive);
  g_signal_connect(receive, "on-ice-candidate", G_CALLBACK(on_candidate), send);
  examples::keep_to_loopback(send);
  examples::keep_to_loopback(receive);
  pipeline.play();
  EXPECT_TRUE(wait_for([&] { return needed.load(); })) << pipeline.take_error();
  g_signal_handler_disconnect(send, handler);
  return negotiate(send, receive);
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
  connect(pipeline, send, receive);
  ASSERT_FALSE(HasFailure());
  EXPECT_TRUE(wait_for([&] { return opened.size() >= kEnough; }, std::chrono::seconds(20)))
      << opened.size() << " of " << plain.size() << " frames. " << pipeline.take_error();
  pipeline.stop();
  expect_subsequence(arrived.contents(), sealed.contents());
  expect_subsequence(opened.contents(), plain.contents());
  EXPECT_EQ(opened.size(), arrived.size()) << "every frame that arrived was decrypted";
  expect_sealed(sealed.frames(), plain.frames(), 10, 3);
}

namespace {

const GstSDPMedia *media_of(const examples::SessionDescription &description, const char *media) {
  for (guint i = 0; i < gst_sdp_message_medias_len(description.sdp); i++) {
    const GstSDPMedia *found = gst_sdp_message_get_media(description.sdp, i);
    if (std::string(gst_sdp_media_get_media(found)) == media)
      return found;
  }
  return nullptr;
}

std::string attribute_of(const GstSDPMedia *media, const char *name) {
  const gchar *value = media != nullptr ? gst_sdp_media_get_attribute_val(media, name) : nullptr;
  return value != nullptr ? value : "";
}

bool has_sframe(const GstSDPMedia *media) {
  for (guint i = 0; media != nullptr && i < gst_sdp_media_attributes_len(media); i++)
    if (std::string(gst_sdp_media_get_attribute(media, i)->key) == "sframe")
      return true;
  return false;
}

// A webrtcbin that answers says `a=sframe` when its codec preferences do; it drops the offer's.
void expect_sframe(GstElement *answerer) {
  constexpr int kReceiveOnly = 3;  // of GstWebRTCRTPTransceiverDirection
  const Caps caps(
      gst_caps_from_string("application/x-rtp, media=video, encoding-name=H264, clock-rate=90000, "
                           "payload=96, a-sframe=(string)\"\""));
  GObject *transceiver = nullptr;
  g_signal_emit_by_name(answerer, "add-transceiver", kReceiveOnly, caps.get(), &transceiver);
  ASSERT_NE(transceiver, nullptr);
  g_object_unref(transceiver);
}

// Links a stream that was received to the element "depay" or "audio".
void on_stream(GstElement *, GstPad *pad, Pipeline *pipeline) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC)
    return;
  const bool video =
      examples::enum_nick(examples::transceiver_of(pad).get(), "kind") == std::string("video");
  GstPad *sink = gst_element_get_static_pad(pipeline->get(video ? "depay" : "audio"), "sink");
  EXPECT_EQ(gst_pad_link(pad, sink), GST_PAD_LINK_OK);
  gst_object_unref(sink);
}

}  // namespace

// Ciphertext is random bytes here: neither side looks into it.
TEST(WebRtc, SframeOverRtpIsNegotiatedForItsMediaAloneAndComesThrough) {
  Pipeline pipeline(
      "webrtcbin name=send bundle-policy=max-bundle webrtcbin name=receive "
      "bundle-policy=max-bundle fakesrc name=frames is-live=true sync=true format=time "
      "sizetype=fixed sizemax=3000 filltype=random datarate=180000 ! video/x-h264, "
      "stream-format=byte-stream, alignment=au, e2ee=sframe-rtp ! rtpe2eepay payload-format=sframe "
      "! send. audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=97 ! send. "
      "rtpe2eedepay name=depay payload-format=sframe ! fakesink sync=false async=false "
      "fakesink name=audio sync=false async=false",
      nullptr);
  const Tap &sent = pipeline.tap("frames");
  const Tap &arrived = pipeline.tap("depay");
  expect_sframe(pipeline.get("receive"));
  g_signal_connect(pipeline.get("receive"), "pad-added", G_CALLBACK(on_stream), &pipeline);
  const auto descriptions = connect(pipeline, pipeline.get("send"), pipeline.get("receive"));
  ASSERT_FALSE(HasFailure());
  for (const auto &description : descriptions) {
    const GstSDPMedia *video = media_of(*description, "video");
    const GstSDPMedia *audio = media_of(*description, "audio");
    EXPECT_EQ(attribute_of(video, "rtpmap"), "96 H264/90000");
    EXPECT_TRUE(has_sframe(video));
    EXPECT_EQ(attribute_of(audio, "rtpmap"), "97 OPUS/48000/2");
    EXPECT_FALSE(has_sframe(audio));
    EXPECT_EQ(gst_sdp_message_get_attribute_val(description->sdp, "sframe"), nullptr);
  }
  EXPECT_TRUE(wait_for([&] { return arrived.size() >= kEnough; }, std::chrono::seconds(20)))
      << arrived.size() << " of " << sent.size() << " frames. " << pipeline.take_error();
  pipeline.stop();
  expect_subsequence(arrived.contents(), sent.contents());
}

}  // namespace e2ee::test
