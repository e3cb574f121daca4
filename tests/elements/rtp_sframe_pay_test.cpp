/* SPDX-License-Identifier: LGPL-2.1-or-later */
// rtpe2eepay payload-format=sframe, by the vectors and by draft-ietf-avtcore-rtp-sframe.
#include "support/element.h"
#include "support/json.h"
#include "support/sframe_rtp.h"
#include "support/vectors.h"

namespace e2ee::test {
namespace {

constexpr guint kRtpHeader = 12;

// ---- Fragments

struct VectorOfPackets {
  std::string name;
  Bytes ciphertext;
  guint max_payload = 0;
  std::vector<Bytes> payloads;
};

std::vector<VectorOfPackets> load_packets() {
  std::vector<VectorOfPackets> all;
  vectors::parse_json(
      vectors::read_or_throw(vectors::directory() + "/sframe-rtp.json"), [&](JsonNode *root) {
        vectors::JsonView(root).each("sframe_rtp", [&](JsonNode *node) {
          const vectors::JsonView record(node);
          VectorOfPackets &packets = all.emplace_back();
          packets.name = record.text("name");
          packets.ciphertext = record.bytes("sframe");
          packets.max_payload = record.unsigned_or("max_payload", 0);
          record.each("rtp_payloads", [&](JsonNode *payload) {
            packets.payloads.push_back(
                vectors::hex_or_throw(json_node_get_string(payload), "rtp_payloads"));
          });
        });
      });
  return all;
}

TEST(SframePay, PayloadsAreThoseOfTheVectors) {
  const std::vector<VectorOfPackets> all = load_packets();
  ASSERT_FALSE(all.empty());
  for (const VectorOfPackets &vector : all) {
    SCOPED_TRACE(vector.name);
    SframePayloader payloader("H265", kRtpHeader + vector.max_payload);
    std::vector<Bytes> payloads;
    for (const Buffer &packet : payloader.push(buffer_of(vector.ciphertext).get()))
      payloads.push_back(parse(packet.get()).payload);
    EXPECT_EQ(payloads, vector.payloads);
  }
}

// As e2eeencrypt enabled=false passes them on.
TEST(SframePay, FramesInTheClearDoNotLeave) {
  SframePayloader payloader("VP8");
  const Buffer clear = make_frame(100, true);
  gst_e2ee_buffer_add_unprotected_meta(clear.get());
  EXPECT_TRUE(payloader.push(clear.get()).empty());
  EXPECT_EQ(payloader.push(make_frame(100, true).get()).size(), 1U);
}

TEST(SframePay, PacketsFillTheMtuAndNeverExceedIt) {
  for (const guint mtu : {28U, 29U, 100U, 1200U}) {
    SframePayloader payloader("H264", mtu);
    const gsize room = mtu - kRtpHeader - 1;
    for (const gsize size : {gsize{1}, room - 1, room, room + 1, 3 * room, 3 * room + 1}) {
      const std::vector<Buffer> packets = payloader.push(make_frame(size, true).get());
      ASSERT_EQ(packets.size(), (size + room - 1) / room) << size << " at " << mtu;
      for (gsize i = 0; i < packets.size(); i++) {
        const bool last = i + 1 == packets.size();
        const Packet packet = parse(packets[i].get());
        EXPECT_EQ(packet.payload[0], (i == 0 ? kStartBit : 0) | (last ? kEndBit : 0));
        EXPECT_EQ(packet.marker, last);
        EXPECT_EQ(packet.payload.size() - 1, last ? size - i * room : room);
      }
    }
  }
}

TEST(SframePay, HeaderExtensionsCountForTheMtu) {
  constexpr guint kMtu = 201;
  SframePayloader payloader("AV1", kMtu);
  GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(
      "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01");
  ASSERT_NE(extension, nullptr);
  gst_rtp_header_extension_set_id(extension, 1);
  g_signal_emit_by_name(payloader.element(), "add-extension", extension);
  gst_object_unref(extension);
  for (unsigned i = 0; i < 3; i++) {
    const std::vector<Buffer> packets = payloader.push(make_frame(1000, true, i).get());
    EXPECT_GE(packets.size(), 6U);
    for (const Buffer &packet : packets) {
      EXPECT_LE(gst_buffer_get_size(packet.get()), kMtu);
      GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
      ASSERT_TRUE(gst_rtp_buffer_map(packet.get(), GST_MAP_READ, &rtp));
      EXPECT_TRUE(gst_rtp_buffer_get_extension(&rtp));
      gst_rtp_buffer_unmap(&rtp);
    }
  }
}

// ---- The marker

// Layers of one picture are ciphertexts of their own.
TEST(SframePay, TheMarkerEndsAPicture) {
  SframePayloader payloader("VP9");
  for (unsigned layer = 0; layer < 3; layer++) {
    const Buffer frame = make_frame(2000, layer == 0);
    GstE2EEFrameMeta *meta = gst_e2ee_buffer_add_frame_meta(frame.get(), layer == 0, 320, 240);
    meta->has_layers = TRUE;
    meta->spatial_layer = layer;
    meta->spatial_layers = 3;
    const std::vector<Buffer> packets = payloader.push(frame.get());
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_EQ(parse(packets[0].get()).payload[0], kStartBit);
    EXPECT_EQ(parse(packets[1].get()).payload[0], kEndBit);
    EXPECT_FALSE(parse(packets[0].get()).marker);
    EXPECT_EQ(parse(packets[1].get()).marker, layer == 2);
  }
}

TEST(SframePay, TheMarkerOfOpusBeginsATalkspurt) {
  SframePayloader payloader("OPUS", 100);
  const auto markers = [&](gsize size) {
    std::vector<bool> marks;
    for (const Buffer &packet : payloader.push(make_frame(size, true).get()))
      marks.push_back(parse(packet.get()).marker);
    return marks;
  };
  // A ciphertext larger than a packet is cut, as of any codec; the marker is where E is.
  EXPECT_EQ(markers(200), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(markers(50), std::vector<bool>{false});
  EXPECT_TRUE(markers(0).empty());
  EXPECT_EQ(markers(50), std::vector<bool>{true});
}

// ---- Caps

TEST(SframePay, RtpCapsAreTheMediasWithTheAttribute) {
  for (const SframeCodec &codec : kSframeCodecs) {
    SCOPED_TRACE(codec.encoding_name);
    const bool audio = std::string(codec.encoding_name) == "OPUS";
    SframePayloader payloader(codec.encoding_name);
    payloader.push(make_frame(50, true).get());
    const Caps caps = payloader.out_caps();
    EXPECT_EQ(field_of(caps, "media"), audio ? "audio" : "video");
    EXPECT_EQ(field_of(caps, "encoding-name"), codec.encoding_name);
    EXPECT_EQ(field_of(caps, "clock-rate"), audio ? "48000" : "90000");
    EXPECT_EQ(field_of(caps, "encoding-params"), audio ? "2" : "");
    EXPECT_EQ(field_of(caps, "payload"), "96");
    const GstStructure *fields = gst_caps_get_structure(caps.get(), 0);
    EXPECT_STREQ(gst_structure_get_string(fields, "a-sframe"), "");
    EXPECT_FALSE(gst_structure_has_field(fields, "e2ee"));
  }
}

TEST(SframePay, TheCodecsOwnFormatHasNoAttribute) {
  Payloader payloader(kVp8);
  payloader.push(make_frame(50, true).get());
  EXPECT_FALSE(
      gst_structure_has_field(gst_caps_get_structure(payloader.out_caps().get(), 0), "a-sframe"));
}

Caps sink_caps(const char *payload_format, const char *rtp_caps) {
  Stage payloader("rtpe2eepay");
  gst_util_set_object_arg(G_OBJECT(payloader.element()), "payload-format", payload_format);
  if (rtp_caps != nullptr)
    gst_harness_set_sink_caps_str(payloader.harness(), rtp_caps);
  GstPad *pad = gst_element_get_static_pad(payloader.element(), "sink");
  Caps caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return caps;
}

TEST(SframePay, TakesNothingButCiphertext) {
  for (const char *rtp_caps : {static_cast<const char *>(nullptr), "application/x-rtp"}) {
    const Caps caps = sink_caps("sframe", rtp_caps);
    ASSERT_EQ(gst_caps_get_size(caps.get()), kSframeCodecs.size());
    for (guint i = 0; i < gst_caps_get_size(caps.get()); i++)
      EXPECT_STREQ(gst_structure_get_string(gst_caps_get_structure(caps.get(), i), "e2ee"),
                   "sframe-rtp");
    const Caps others = sink_caps("codec", rtp_caps);
    for (guint i = 0; i < gst_caps_get_size(others.get()); i++)
      EXPECT_FALSE(gst_structure_has_field(gst_caps_get_structure(others.get(), i), "e2ee"));
  }
  const Caps asked_for = sink_caps("sframe", "application/x-rtp, encoding-name=H265");
  const Caps expected(gst_caps_from_string(sframe_caps("H265")));
  EXPECT_TRUE(gst_caps_is_equal(asked_for.get(), expected.get())) << text_of(asked_for);
}

// Fail closed: neither carries what the other is for.
TEST(SframePay, CapsOfTheOtherFormatAreRefused) {
  for (const auto &[format, caps] :
       {std::pair("sframe", kVp8), std::pair("sframe", kH264), std::pair("sframe", kOpus),
        std::pair("codec", sframe_caps("VP8")), std::pair("codec", sframe_caps("OPUS"))}) {
    Stage payloader("rtpe2eepay");
    gst_util_set_object_arg(G_OBJECT(payloader.element()), "payload-format", format);
    payloader.set_caps(caps);
    EXPECT_EQ(payloader.try_push(make_frame(50, true).get()), GST_FLOW_NOT_NEGOTIATED) << caps;
    EXPECT_TRUE(payloader.pull().empty());
  }
}

// ---- The SSRC

std::vector<guint> told_ssrcs(Stage &payloader) {
  std::vector<guint> told;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(payloader.harness())) {
    guint ssrc = 0;
    if (gst_event_has_name(event, "e2ee-ssrc") &&
        gst_structure_get_uint(gst_event_get_structure(event), "ssrc", &ssrc))
      told.push_back(ssrc);
    gst_event_unref(event);
  }
  return told;
}

guint ssrc_of(GstBuffer *packet) {
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(packet, GST_MAP_READ, &rtp);
  const guint ssrc = gst_rtp_buffer_get_ssrc(&rtp);
  gst_rtp_buffer_unmap(&rtp);
  return ssrc;
}

bool collide(Stage &payloader, guint ssrc) {
  return gst_harness_push_upstream_event(
      payloader.harness(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                gst_structure_new("GstRTPCollision", "ssrc",
                                                                  G_TYPE_UINT, ssrc, nullptr)));
}

// A payloader with this SSRC that has its caps.
class Numbered : public Stage {
 public:
  explicit Numbered(const char *payload_format, const char *caps) : Stage("rtpe2eepay") {
    gst_util_set_object_arg(G_OBJECT(element()), "payload-format", payload_format);
    // It is chosen on the way from READY.
    gst_element_set_state(element(), GST_STATE_READY);
    g_object_set(element(), "ssrc", kMediaSsrc, nullptr);
    gst_element_set_state(element(), GST_STATE_PLAYING);
    set_caps(caps);
  }
};

TEST(SframePay, TellsTheEncryptorItsSsrcBeforeTheFirstFrame) {
  Numbered payloader("sframe", sframe_caps("H264"));
  EXPECT_EQ(told_ssrcs(payloader), std::vector<guint>{kMediaSsrc});
  EXPECT_EQ(ssrc_of(payloader.push(make_frame(50, true).get()).at(0).get()), kMediaSsrc);
  EXPECT_TRUE(told_ssrcs(payloader).empty());
}

// Each that comes announces itself with its caps.
TEST(SframePay, TellsAnotherEncryptorToo) {
  Numbered payloader("sframe", sframe_caps("H264"));
  payloader.push(make_frame(50, true).get());
  told_ssrcs(payloader);
  payloader.set_caps(sframe_caps("H265"));
  EXPECT_EQ(told_ssrcs(payloader), std::vector<guint>{kMediaSsrc});
}

TEST(SframePay, TellsTheSsrcThatDownstreamSuggests) {
  Stage payloader("rtpe2eepay");
  gst_util_set_object_arg(G_OBJECT(payloader.element()), "payload-format", "sframe");
  gst_harness_set_sink_caps_str(payloader.harness(), "application/x-rtp, ssrc=(uint)77");
  payloader.set_caps(sframe_caps("OPUS"));
  EXPECT_EQ(told_ssrcs(payloader), std::vector<guint>{77});
  EXPECT_EQ(ssrc_of(payloader.push(make_frame(50, true).get()).at(0).get()), 77U);
}

TEST(SframePay, TellsTheSsrcThatDownstreamSuggestsLater) {
  Numbered payloader("sframe", sframe_caps("H264"));
  payloader.push(make_frame(50, true).get());
  told_ssrcs(payloader);
  gst_harness_set_sink_caps_str(payloader.harness(), "application/x-rtp, ssrc=(uint)78");
  EXPECT_EQ(ssrc_of(payloader.push(make_frame(50, true).get()).at(0).get()), 78U);
  EXPECT_EQ(told_ssrcs(payloader), std::vector<guint>{78});
}

TEST(SframePay, TellsTheEncryptorOfANewSsrcAfterACollision) {
  Numbered payloader("sframe", sframe_caps("H264"));
  payloader.push(make_frame(50, true).get());
  told_ssrcs(payloader);
  // Another source's.
  collide(payloader, 1);
  EXPECT_TRUE(told_ssrcs(payloader).empty());

  EXPECT_TRUE(collide(payloader, kMediaSsrc));
  const std::vector<guint> told = told_ssrcs(payloader);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0], kMediaSsrc);
  for (unsigned i = 0; i < 2; i++)
    EXPECT_EQ(ssrc_of(payloader.push(make_frame(50, true).get()).at(0).get()), told[0]);
  EXPECT_TRUE(told_ssrcs(payloader).empty());
  EXPECT_EQ(field_of(payloader.out_caps(), "ssrc"), std::to_string(told[0]));
}

TEST(SframePay, OtherFormatsTellNoSsrc) {
  Numbered payloader("codec", kVp8);
  payloader.push(make_frame(50, true).get());
  collide(payloader, kMediaSsrc);
  payloader.push(make_frame(50, true).get());
  EXPECT_TRUE(told_ssrcs(payloader).empty());
}

}  // namespace
}  // namespace e2ee::test
