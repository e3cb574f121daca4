// SPDX-License-Identifier: LGPL-2.1-or-later
// A call of the examples ends where only one side agrees to SFrame over RTP.
#include <gtest/gtest.h>

#include <regex>

#include "common/peer.h"
#include "support/waiting.h"

namespace {

using examples::Peer;

constexpr int kReceiveOnly = 3;  // of GstWebRTCRTPTransceiverDirection
constexpr const char *kPlain =
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96";
constexpr const char *kSFrame =
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
    "a-sframe=(string)\"\"";

struct Side {
  explicit Side(const char *caps_text) {
    Peer::Events events;
    events.offer = [this](const std::string &sdp) { offer = sdp; };
    events.answer = [this](const std::string &sdp) { answer = sdp; };
    events.failed = [this](const std::string &why) { failure = why; };
    peer.emplace(pipeline.get(), examples::PeerSettings{.loopback_only = true}, events);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const examples::CapsPtr caps(gst_caps_from_string(caps_text));
    GObject *transceiver = nullptr;
    g_signal_emit_by_name(peer->webrtcbin(), "add-transceiver", kReceiveOnly, caps.get(),
                          &transceiver);
    g_clear_object(&transceiver);
  }
  ~Side() {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    peer.reset();
  }

  bool has(const std::string Side::*what) const {
    return e2ee::test::wait_for([&] {
      while (g_main_context_iteration(nullptr, FALSE)) {
      }
      return !(this->*what).empty();
    });
  }

  const examples::ObjectPtr<GstElement> pipeline{
      GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))};
  std::optional<Peer> peer;
  std::string offer, answer, failure;
};

std::string sending(const std::string &offer) {
  return std::regex_replace(offer, std::regex("a=recvonly"), "a=sendonly");
}

std::string without_sframe(const std::string &sdp) {
  return std::regex_replace(sdp, std::regex("a=sframe\r\n"), "");
}

TEST(SFramePeer, AnAnswerWithoutItEndsTheCall) {
  Side here(kSFrame), there(kPlain);
  here.peer->make_offer();
  ASSERT_TRUE(here.has(&Side::offer));
  ASSERT_NE(here.offer.find("a=sframe\r\n"), std::string::npos) << here.offer;
  there.peer->take_offer(without_sframe(sending(here.offer)));
  ASSERT_TRUE(there.has(&Side::answer)) << there.failure;
  here.peer->take_answer(sending(there.answer));
  ASSERT_TRUE(here.has(&Side::failure));
  EXPECT_EQ(here.failure, "the answer takes no SFrame (a=sframe) for media section 1 (video)");
}

TEST(SFramePeer, NoAnswerHasWhatWasNotOffered) {
  Side here(kPlain), there(kSFrame);
  here.peer->make_offer();
  ASSERT_TRUE(here.has(&Side::offer));
  there.peer->take_offer(sending(here.offer));
  ASSERT_TRUE(there.has(&Side::failure)) << there.answer;
  EXPECT_EQ(there.failure,
            "the answer has SFrame (a=sframe) for media section 1 (video), for which none was "
            "offered");
  EXPECT_EQ(there.answer, "");
}

TEST(SFramePeer, BothAgree) {
  Side here(kSFrame), there(kSFrame);
  here.peer->make_offer();
  ASSERT_TRUE(here.has(&Side::offer));
  there.peer->take_offer(sending(here.offer));
  ASSERT_TRUE(there.has(&Side::answer)) << there.failure;
  EXPECT_NE(there.answer.find("a=sframe\r\n"), std::string::npos) << there.answer;
  here.peer->take_answer(sending(there.answer));
  here.peer->make_offer();  // of which there is one when the answer was taken
  here.offer.clear();
  EXPECT_TRUE(here.has(&Side::offer)) << here.failure;
}

}  // namespace
