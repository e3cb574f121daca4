/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame ciphertexts of media packets (T=1): rtpe2eedepay makes RTP packets of them again.
#include <cstring>

#include "support/element.h"
#include "support/sframe_rtp.h"

namespace e2ee::test {
namespace {

constexpr guint8 kWholePacket = kWhole | kPacketBit;

// A packet with everything that an RTP header can have.
Buffer elaborate_packet(const Bytes &payload) {
  constexpr guint8 kPadding = 12;
  GstBuffer *packet = gst_rtp_buffer_new_allocate(static_cast<guint>(payload.size()), kPadding, 2);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(packet, GST_MAP_READWRITE, &rtp);
  gst_rtp_buffer_set_ssrc(&rtp, kMediaSsrc);
  gst_rtp_buffer_set_seq(&rtp, 500);
  gst_rtp_buffer_set_timestamp(&rtp, 900);
  gst_rtp_buffer_set_payload_type(&rtp, 99);
  gst_rtp_buffer_set_marker(&rtp, TRUE);
  gst_rtp_buffer_set_csrc(&rtp, 0, 11);
  gst_rtp_buffer_set_csrc(&rtp, 1, 12);
  const guint8 level = 0x55;
  gst_rtp_buffer_add_extension_onebyte_header(&rtp, 3, &level, 1);
  std::memcpy(gst_rtp_buffer_get_payload(&rtp), payload.data(), payload.size());
  gst_rtp_buffer_unmap(&rtp);
  GST_BUFFER_PTS(packet) = 10 * GST_MSECOND;
  return Buffer(packet);
}

TEST(SframePackets, TheHeaderIsThePacketsOwnWithoutPadding) {
  SframeReceiver receiver("H264");
  const Buffer sent = elaborate_packet(join({{kWholePacket}, kCipher}));
  const std::vector<Buffer> out = receiver.push(sent.get());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(GST_BUFFER_PTS(out[0].get()), 10 * GST_MSECOND);
  EXPECT_TRUE(has_flag(out[0].get(), GST_BUFFER_FLAG_MARKER));

  // Two sources and an extension of four and four bytes.
  constexpr gsize kHeader = 12 + 2 * 4 + 8;
  Bytes header = part(bytes_of(sent.get()), 0, kHeader);
  header[0] &= 0xdf;  // no padding
  EXPECT_EQ(bytes_of(out[0].get()), join({header, kCipher}));

  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  ASSERT_TRUE(gst_rtp_buffer_map(out[0].get(), GST_MAP_READ, &rtp));
  gpointer level = nullptr;
  guint size = 0;
  EXPECT_TRUE(gst_rtp_buffer_get_extension_onebyte_header(&rtp, 3, 0, &level, &size));
  EXPECT_EQ(gst_rtp_buffer_get_csrc(&rtp, 1), 12U);
  EXPECT_FALSE(gst_rtp_buffer_get_padding(&rtp));
  gst_rtp_buffer_unmap(&rtp);
}

// As on the way through other depayloaders.
TEST(SframePackets, KeepMetasThatAreNotThePackets) {
  SframeReceiver receiver("H264");
  const Caps clock(gst_caps_from_string("timestamp/x-ntp"));
  const Buffer sent = make_packet(join({{kWholePacket}, kCipher}), 1, RtpFields{});
  gst_buffer_add_reference_timestamp_meta(sent.get(), clock.get(), 77, GST_CLOCK_TIME_NONE);
  const std::vector<Buffer> out = receiver.push(sent.get());
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(gst_buffer_get_reference_timestamp_meta(out[0].get(), clock.get()), nullptr);
}

TEST(SframePackets, CapsAreTheStreamsWithTheField) {
  SframeReceiver receiver("H264");
  receiver.set_caps(
      (sframe_rtp_caps("H264") + ", payload=96, packetization-mode=(string)1, seqnum-base=(uint)7")
          .c_str());
  receiver.packet(kWholePacket, kCipher);
  const Caps caps = receiver.out_caps();
  const Caps expected(gst_caps_from_string(
      ("application/x-rtp, media=video, clock-rate=90000, encoding-name=H264, payload=96, "
       "packetization-mode=(string)1, e2ee=sframe-rtp, ssrc=(uint)" +
       std::to_string(kMediaSsrc))
          .c_str()));
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), expected.get()))
      << text_of(caps) << " instead of " << text_of(expected);
}

TEST(SframePackets, TheFirstPacketOfEachCiphertextDecidesTheCaps) {
  SframeReceiver receiver("VP8");
  const auto name = [&] {
    return std::string(
        gst_structure_get_name(gst_caps_get_structure(receiver.out_caps().get(), 0)));
  };
  EXPECT_EQ(receiver.packet(kWholePacket, kCipher).size(), 1U);
  EXPECT_EQ(name(), "application/x-rtp");
  EXPECT_EQ(field_of(receiver.out_caps(), "payload"), "96");
  EXPECT_EQ(only(receiver.packet(kWhole, kOther)), kOther);
  EXPECT_EQ(name(), "video/x-vp8");
  const std::vector<Buffer> again = receiver.packet(kWholePacket, kCipher, {.payload_type = 98});
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(parse(again[0].get()).payload, kCipher);
  EXPECT_EQ(field_of(receiver.out_caps(), "payload"), "98");
}

// Nobody has verified the T bit yet.
TEST(SframePackets, WhatDownstreamDoesNotTakeIsDroppedAndEndsNothing) {
  constexpr struct {
    const char *taken;
    guint8 good, forged;
  } kCases[] = {{"video/x-h264, e2ee=sframe-rtp", kWhole, kWholePacket},
                {"application/x-rtp, e2ee=sframe-rtp", kWholePacket, kWhole}};
  for (const auto &each : kCases) {
    SCOPED_TRACE(each.taken);
    SframeReceiver receiver("H264");
    gst_harness_set_sink_caps_str(receiver.harness(), each.taken);
    EXPECT_TRUE(receiver.packet(each.forged, kOther).empty()) << "the first";
    EXPECT_EQ(receiver.packet(each.good, kCipher).size(), 1U);
    EXPECT_TRUE(receiver.packet(each.forged, kOther).empty());
    EXPECT_EQ(receiver.packet(each.good, kCipher).size(), 1U);
    EXPECT_EQ(receiver.losses(), 2U);
  }
}

TEST(SframePackets, ACiphertextOfSeveralPacketsBecomesOne) {
  SframeReceiver receiver("H264");
  const guint16 first = receiver.next_seq();
  constexpr guint8 kStartOfPacket = kStartBit | kPacketBit;
  constexpr guint8 kEndOfPacket = kEndBit | kPacketBit;
  for (const bool marker : {false, true}) {
    EXPECT_TRUE(receiver.packet(kStartOfPacket, part(kCipher, 0, 50), {.marker = !marker}).empty());
    const std::vector<Buffer> out =
        receiver.packet(kEndOfPacket, part(kCipher, 50, 90), {.marker = marker});
    ASSERT_EQ(out.size(), 1U);
    const Packet packet = parse(out[0].get());
    EXPECT_EQ(packet.payload, kCipher);
    EXPECT_EQ(packet.marker, marker);
    EXPECT_EQ(packet.seq, static_cast<guint16>(first + 1 + (marker ? 1 : 0)));
  }
}

// What follows a depayloader must not miss a loss, nor see one where a ciphertext was split.
TEST(SframePackets, NumbersHaveAGapWhereSomethingWasLost) {
  SframeReceiver receiver("H264");
  const auto seq = [](const std::vector<Buffer> &out) { return parse(out.at(0).get()).seq; };
  const guint16 first = seq(receiver.packet(kWholePacket, kCipher));
  receiver.packet(Bytes{});  // padding
  EXPECT_EQ(seq(receiver.packet(kWholePacket, kCipher)), static_cast<guint16>(first + 1));
  receiver.lose(20);
  const std::vector<Buffer> out = receiver.packet(kWholePacket, kCipher);
  EXPECT_EQ(seq(out), static_cast<guint16>(first + 3));
  EXPECT_TRUE(has_flag(out[0].get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(seq(receiver.packet(kWholePacket, kCipher)), static_cast<guint16>(first + 4));
}

TEST(SframePackets, OneThatNoPacketCouldHoldIsGivenUp) {
  SframeReceiver receiver("H264");
  receiver.packet(kStartBit | kPacketBit, Bytes(40000, 1));
  EXPECT_TRUE(receiver.packet(kEndBit | kPacketBit, Bytes(40000, 1)).empty());
  EXPECT_EQ(receiver.losses(), 1U);
  EXPECT_EQ(receiver.packet(kWholePacket, kCipher).size(), 1U);
}

// ---- The stock elements of a codec around it

struct Stock {
  const char *encoding_name;
  std::string encoder;
  const char *payloader;
  const char *depayloader;
};

void PrintTo(const Stock &stock, std::ostream *out) {
  *out << stock.encoding_name;
}

std::vector<Stock> stock_elements() {
  const std::string video = kVideoSource;
  return {
      {"H264",
       video + "x264enc tune=zerolatency key-int-max=10 ! video/x-h264, "
               "stream-format=byte-stream, alignment=au",
       "rtph264pay", "rtph264depay"},
      {"VP8", video + "vp8enc deadline=1 keyframe-max-dist=10", "rtpvp8pay", "rtpvp8depay"},
      {"OPUS", std::string(kAudioSource) + "opusenc", "rtpopuspay", "rtpopusdepay"},
  };
}

// A sender that encrypts packets, which is not among our elements.
class PacketSealer {
 public:
  explicit PacketSealer(const Provider &provider) : sealer_("e2eeencrypt", provider) {
    // Of Opus nothing is in the clear, whatever it is.
    sealer_.set("scheme", "sframe").start(kOpus);
  }

  // With header and time of the packet, its payload a ciphertext behind the descriptor.
  Buffer seal(GstBuffer *packet) {
    const Bytes payload = parse(packet).payload;
    const std::optional<Bytes> ciphertext = sealer_.pass(payload);
    EXPECT_TRUE(ciphertext);
    const Bytes whole = bytes_of(packet);
    const Bytes header = part(whole, 0, whole.size() - payload.size());
    Buffer made = buffer_of(join({header, {kWholePacket}, ciphertext.value_or(Bytes{})}));
    GST_BUFFER_PTS(made.get()) = GST_BUFFER_PTS(packet);
    return made;
  }

 private:
  Element sealer_;
};

// rtpe2eedepay and e2eedecrypt.
class PacketOpener {
 public:
  PacketOpener(const char *encoding_name, const Provider &provider)
      : receiver_(encoding_name), decryptor_("e2eedecrypt", provider) {
    decryptor_.set("scheme", "sframe");
  }

  std::vector<Buffer> open(GstBuffer *packet, const Caps &caps) {
    receiver_.set_caps(Caps(gst_caps_ref(caps.get())));
    std::vector<Buffer> opened;
    for (Buffer &ciphertext : receiver_.push(packet)) {
      if (decryptor_.harness() == nullptr)
        decryptor_.start(text_of(receiver_.out_caps()).c_str());
      EXPECT_EQ(decryptor_.push(std::move(ciphertext)), GST_FLOW_OK);
      if (Buffer out = decryptor_.pull())
        opened.push_back(std::move(out));
    }
    return opened;
  }
  Caps out_caps() { return Caps(gst_pad_get_current_caps(decryptor_.harness()->sinkpad)); }

 private:
  SframeReceiver receiver_;
  Element decryptor_;
};

class SframeStockPackets : public ::testing::TestWithParam<Stock> {
 protected:
  // Of the stock depayloader behind what `through` makes of the stock payloader's packets.
  template <typename Through>
  std::vector<Bytes> frames(const Encoded &encoded, const Through &through) {
    Stage payloader(GetParam().payloader);
    g_object_set(payloader.element(), "mtu", 300U, nullptr);
    payloader.set_caps(encoded.caps.c_str());
    Stage depayloader(GetParam().depayloader);
    std::vector<Bytes> frames;
    for (const Buffer &frame : encoded.frames)
      for (const Buffer &packet : payloader.push(frame.get()))
        for (const Buffer &arrived : through(packet.get(), payloader.out_caps(), depayloader))
          for (const Buffer &out : depayloader.push(arrived.get()))
            frames.push_back(bytes_of(out.get()));
    return frames;
  }
};

TEST_P(SframeStockPackets, ComeThroughEqual) {
  const Encoded encoded = encode(GetParam().encoder);
  const std::vector<Bytes> expected =
      frames(encoded, [](GstBuffer *packet, Caps caps, Stage &depayloader) {
        depayloader.set_caps(std::move(caps));
        std::vector<Buffer> same;
        same.emplace_back(gst_buffer_ref(packet));
        return same;
      });
  EXPECT_GE(expected.size(), encoded.frames.size() - 1);

  const Provider provider = raw_provider(1);
  PacketSealer sealer(provider);
  PacketOpener opener(GetParam().encoding_name, provider);
  const auto sealed = [&](GstBuffer *packet, const Caps &caps, Stage &depayloader) {
    std::vector<Buffer> opened = opener.open(sealer.seal(packet).get(), caps);
    depayloader.set_caps(opener.out_caps());
    return opened;
  };
  EXPECT_EQ(frames(encoded, sealed), expected);
}

INSTANTIATE_TEST_SUITE_P(Codecs, SframeStockPackets, ::testing::ValuesIn(stock_elements()),
                         [](const auto &test) { return std::string(test.param.encoding_name); });

}  // namespace
}  // namespace e2ee::test
