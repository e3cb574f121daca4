/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cstring>

#include "support/element.h"
#include "support/rtp.h"

// Frames go through rtpe2eepay and the stock depayloaders.
namespace e2ee::test {
namespace {

// ---- Through the stock depayloaders

struct Codec {
  const char *name;
  std::string encoder;
  const char *depayloader;
  // What the depayloader reads of a frame and must therefore stay as it is.
  std::size_t clear_bytes;
};

std::vector<Codec> codecs() {
  const std::string video = kVideoSource;
  return {
      {"VP8", video + "vp8enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp8depay",
       10},
      {"VP9", video + "vp9enc deadline=1 keyframe-max-dist=10 target-bitrate=800000", "rtpvp9depay",
       0},
      {"OPUS", std::string(kAudioSource) + "opusenc", "rtpopusdepay", 0},
  };
}

class ThroughStockDepayloader : public ::testing::TestWithParam<Codec> {
 protected:
  void expect_equal_frames(const Encoded &encoded, guint mtu) {
    Stage payloader("rtpe2eepay");
    g_object_set(payloader.element(), "mtu", mtu, nullptr);
    Stage depayloader(GetParam().depayloader);
    payloader.set_caps(encoded.caps.c_str());
    bool has_caps = false;
    std::size_t received = 0;
    for (const Buffer &frame : encoded.frames) {
      const std::vector<Buffer> packets = payloader.push(frame.get());
      if (!has_caps)
        depayloader.set_caps(payloader.out_caps());
      has_caps = true;
      for (const Buffer &packet : packets) {
        EXPECT_LE(gst_buffer_get_size(packet.get()), mtu);
        depayloader.try_push(packet.get());
      }
      for (const Buffer &out : depayloader.pull()) {
        EXPECT_EQ(bytes_of(out.get()), bytes_of(frame.get())) << "frame " << received;
        received++;
      }
    }
    EXPECT_EQ(received, encoded.frames.size());
  }
};

TEST_P(ThroughStockDepayloader, EncodedFramesAreEqual) {
  const Encoded encoded = encode(GetParam().encoder);
  for (const guint mtu : {1400U, 1199U})
    expect_equal_frames(encoded, mtu);
}

TEST_P(ThroughStockDepayloader, RandomBytesAreEqual) {
  Encoded encoded = encode(GetParam().encoder);
  unsigned seed = 1;
  for (Buffer &frame : encoded.frames) {
    Bytes bytes = bytes_of(frame.get());
    const Bytes random = noise(bytes.size(), seed++);
    for (std::size_t i = GetParam().clear_bytes; i < bytes.size(); i++)
      bytes[i] = random[i];
    GstBuffer *replaced = gst_buffer_new_memdup(bytes.data(), bytes.size());
    gst_buffer_copy_into(replaced, frame.get(), GST_BUFFER_COPY_METADATA, 0,
                         static_cast<gsize>(-1));
    frame.reset(replaced);
  }
  expect_equal_frames(encoded, 1201);
}

INSTANTIATE_TEST_SUITE_P(Codecs, ThroughStockDepayloader, ::testing::ValuesIn(codecs()),
                         [](const auto &test) { return std::string(test.param.name); });

// ---- Packets

TEST(RtpPayPackets, NeverExceedTheMtuAndFillIt) {
  for (const char *caps : {kVp8, kVp9}) {
    for (const guint mtu : {28U, 29U, 61U, 100U, 333U, 1199U, 1200U, 1400U}) {
      Payloader payloader(caps, "15-bit", 0, mtu);
      for (const std::size_t size : {1UL, 15UL, 1170UL, 1184UL, 1185UL, 5000UL}) {
        const Buffer frame = make_frame(size, true);
        const std::vector<Buffer> packets = payloader.push(frame.get());
        ASSERT_FALSE(packets.empty());
        for (std::size_t i = 0; i < packets.size(); i++) {
          const bool last = i + 1 == packets.size();
          EXPECT_LE(gst_buffer_get_size(packets[i].get()), mtu);
          if (!last) {
            EXPECT_EQ(gst_buffer_get_size(packets[i].get()), mtu);
          }
          EXPECT_EQ(parse(packets[i].get()).marker, last);
          EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(packets[i].get(), GST_BUFFER_FLAG_MARKER), last);
          EXPECT_EQ(GST_BUFFER_PTS(packets[i].get()), GST_BUFFER_PTS(frame.get()));
        }
      }
    }
  }
}

TEST(RtpPayPackets, SourcesAndHeaderExtensionsCountForTheMtu) {
  constexpr guint kMtu = 201;
  Payloader payloader(kVp8, "15-bit", 0, kMtu);
  GstElement *element = payloader.element();
  g_object_set(element, "source-info", TRUE, nullptr);
  const char *const uris[] = {
      "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
      "urn:ietf:params:rtp-hdrext:ssrc-audio-level"};
  for (guint i = 0; i < 2; i++) {
    GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(uris[i]);
    ASSERT_NE(extension, nullptr);
    gst_rtp_header_extension_set_id(extension, i + 1);
    g_signal_emit_by_name(element, "add-extension", extension);
    gst_object_unref(extension);
  }
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(1000, true, i);
    const guint32 ssrc = 1;
    const guint32 csrcs[] = {2, 3, 4};
    gst_buffer_add_rtp_source_meta(frame.get(), &ssrc, csrcs, 3);
    for (const Buffer &packet : payloader.push(frame.get())) {
      EXPECT_LE(gst_buffer_get_size(packet.get()), kMtu);
      GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
      ASSERT_TRUE(gst_rtp_buffer_map(packet.get(), GST_MAP_READ, &rtp));
      EXPECT_EQ(gst_rtp_buffer_get_csrc_count(&rtp), 4);
      EXPECT_TRUE(gst_rtp_buffer_get_extension(&rtp));
      gst_rtp_buffer_unmap(&rtp);
    }
  }
}

TEST(RtpPayPackets, AnMtuWithoutRoomIsAnError) {
  Payloader payloader(kVp9, "15-bit", 0, 28);
  g_object_set(payloader.element(), "source-info", TRUE, nullptr);
  const Buffer frame = make_frame(10, true);
  const guint32 csrcs[] = {2, 3, 4, 5};
  gst_buffer_add_rtp_source_meta(frame.get(), nullptr, csrcs, 4);
  EXPECT_EQ(payloader.try_push(frame.get()), GST_FLOW_ERROR);
}

TEST(RtpPayPackets, CarryNoMetaOfTheFrame) {
  // Its plugin registers the meta, and whoever else did so before it would make it fail.
  gst_object_unref(gst_object_ref_sink(gst_element_factory_make("vp8enc", nullptr)));
  ASSERT_NE(gst_meta_get_info("GstVP8Meta"), nullptr);
  Payloader payloader(kVp8, "15-bit", 0, 100);
  const Buffer frame = make_frame(200, true);
  gst_e2ee_buffer_add_frame_meta(frame.get(), TRUE, 320, 240);
  gst_e2ee_buffer_add_unprotected_meta(frame.get());
  gst_buffer_add_custom_meta(frame.get(), "GstVP8Meta");
  const std::vector<Buffer> packets = payloader.push(frame.get());
  ASSERT_EQ(packets.size(), 3U);
  for (const Buffer &packet : packets) {
    EXPECT_EQ(gst_e2ee_buffer_get_frame_meta(packet.get()), nullptr);
    EXPECT_EQ(gst_buffer_get_custom_meta(packet.get(), "GstVP8Meta"), nullptr);
    EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(packet.get()));
  }
}

TEST(RtpPayPackets, ShareTheMemoryOfTheFrame) {
  Payloader payloader(kVp8, "15-bit", 0, 100);
  const Buffer frame = make_frame(200, true);
  GstMapInfo whole;
  ASSERT_TRUE(gst_buffer_map(frame.get(), &whole, GST_MAP_READ));
  std::size_t offset = 0;
  for (const Buffer &packet : payloader.push(frame.get())) {
    GstMapInfo piece;
    GstMemory *memory = gst_buffer_peek_memory(packet.get(), gst_buffer_n_memory(packet.get()) - 1);
    ASSERT_TRUE(gst_memory_map(memory, &piece, GST_MAP_READ));
    EXPECT_EQ(piece.data, whole.data + offset);
    offset += piece.size;
    gst_memory_unmap(memory, &piece);
  }
  EXPECT_EQ(offset, whole.size);
  gst_buffer_unmap(frame.get(), &whole);
}

TEST(RtpPayPackets, EmptyFramesMakeNone) {
  for (const char *caps : {kVp8, kVp9, kOpus}) {
    Payloader payloader(caps);
    EXPECT_TRUE(payloader.push(buffer_of({}).get()).empty());
    const std::vector<Buffer> packets = payloader.push(make_frame(20, true).get());
    ASSERT_EQ(packets.size(), 1U);
  }
}

// ---- Opus, RFC 7587

TEST(RtpPayOpus, AFrameIsAPacket) {
  Payloader payloader(kOpus);
  for (unsigned i = 0; i < 3; i++) {
    const Buffer frame = make_frame(1188, true, i);
    const std::vector<Buffer> packets = payloader.push(frame.get());
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_EQ(gst_buffer_get_size(packets[0].get()), 1200U);
    EXPECT_EQ(parse(packets[0].get()).payload, bytes_of(frame.get()));
  }
}

TEST(RtpPayOpus, TheMarkerBeginsATalkspurt) {
  Payloader payloader(kOpus);
  const Buffer speech = make_frame(80, true);
  auto marker = [&] { return parse(payloader.push(speech.get()).at(0).get()).marker; };
  EXPECT_TRUE(marker());
  EXPECT_FALSE(marker());
  payloader.push(buffer_of({}).get());
  EXPECT_TRUE(marker());
  EXPECT_FALSE(marker());
  gst_harness_push_event(payloader.harness(), gst_event_new_gap(0, kFrameTime));
  EXPECT_TRUE(marker());
}

TEST(RtpPayOpus, AFrameThatDoesNotFitIsDroppedWithOneWarning) {
  Payloader payloader(kOpus);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(payloader.element(), bus);
  for (unsigned i = 0; i < 2; i++)
    EXPECT_TRUE(payloader.push(make_frame(1189, true, i).get()).empty());
  GstMessage *first = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
  GstMessage *second = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  gst_clear_message(&first);
  gst_clear_message(&second);
  EXPECT_EQ(payloader.push(make_frame(80, true, 2).get()).size(), 1U);
  gst_element_set_bus(payloader.element(), nullptr);
  gst_object_unref(bus);
}

// ---- Caps

Caps caps_after(const char *frame_caps) {
  Payloader payloader(frame_caps);
  payloader.push(make_frame(50, true).get());
  return payloader.out_caps();
}

TEST(RtpPayCaps, Video) {
  for (const char *name : {"VP8", "VP9"}) {
    const Caps caps = caps_after(std::strcmp(name, "VP8") == 0 ? kVp8 : kVp9);
    EXPECT_EQ(field_of(caps, "media"), "video");
    EXPECT_EQ(field_of(caps, "clock-rate"), "90000");
    EXPECT_EQ(field_of(caps, "encoding-name"), name);
    EXPECT_EQ(field_of(caps, "payload"), "96");
    EXPECT_EQ(field_of(caps, "a-framerate"), "30");
  }
}

TEST(RtpPayCaps, Opus) {
  const Caps stereo = caps_after(kOpus);
  EXPECT_EQ(field_of(stereo, "media"), "audio");
  EXPECT_EQ(field_of(stereo, "clock-rate"), "48000");
  EXPECT_EQ(field_of(stereo, "encoding-name"), "OPUS");
  EXPECT_EQ(field_of(stereo, "encoding-params"), "2");
  EXPECT_EQ(field_of(stereo, "sprop-stereo"), "1");
  EXPECT_EQ(field_of(stereo, "sprop-maxcapturerate"), "48000");

  const Caps mono = caps_after("audio/x-opus, channel-mapping-family=0, channels=1, rate=16000");
  EXPECT_EQ(field_of(mono, "encoding-params"), "2");
  EXPECT_EQ(field_of(mono, "sprop-stereo"), "0");
  EXPECT_EQ(field_of(mono, "sprop-maxcapturerate"), "16000");
}

Caps without_random_fields(Caps caps) {
  GstCaps *writable = gst_caps_make_writable(caps.release());
  gst_structure_remove_fields(gst_caps_get_structure(writable, 0), "ssrc", "timestamp-offset",
                              "seqnum-offset", nullptr);
  return Caps(writable);
}

TEST(RtpPayCaps, AudioIsAsFromTheStockPayloader) {
  for (const char *frame_caps :
       {kOpus, "audio/x-opus, channel-mapping-family=0, channels=1, rate=16000",
        "audio/x-opus, channel-mapping-family=0",
        "audio/x-opus, channel-mapping-family=1, channels=6, rate=48000, stream-count=4, "
        "coupled-count=2, channel-mapping=(int)<0,4,1,2,3,5>"}) {
    Stage stock("rtpopuspay");
    Stage ours("rtpe2eepay");
    for (Stage *element : {&stock, &ours}) {
      element->set_caps(frame_caps);
      element->push(make_frame(50, true).get());
    }
    const Caps expected = without_random_fields(stock.out_caps());
    const Caps actual = without_random_fields(ours.out_caps());
    EXPECT_TRUE(gst_caps_is_equal(actual.get(), expected.get()))
        << text_of(actual) << " instead of " << text_of(expected);
  }
}

// What the payloader accepts once the peer said what it takes.
std::string accepted(const char *rtp_caps) {
  Stage payloader("rtpe2eepay");
  gst_harness_set_sink_caps_str(payloader.harness(), rtp_caps);
  GstPad *pad = gst_element_get_static_pad(payloader.element(), "sink");
  const Caps caps(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  return text_of(caps);
}

TEST(RtpPayCaps, FollowThePeer) {
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=VP9"), "video/x-vp9");
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=VP8-DRAFT-IETF-01"), "video/x-vp8");
  EXPECT_EQ(accepted("application/x-rtp, media=audio, encoding-name=OPUS, stereo=(string)0"),
            "audio/x-opus, channel-mapping-family=(int)0, channels=(int)1; "
            "audio/x-opus, channel-mapping-family=(int)0");
  EXPECT_EQ(accepted("application/x-rtp, encoding-name=H264"), "EMPTY");
}

TEST(RtpPayCaps, TheDraftNameIsUsedWhereThePeerKnowsNoOther) {
  Stage payloader("rtpe2eepay");
  gst_harness_set_sink_caps_str(payloader.harness(),
                                "application/x-rtp, encoding-name=VP9-DRAFT-IETF-01");
  payloader.set_caps(kVp9);
  payloader.push(make_frame(50, true).get());
  EXPECT_EQ(field_of(payloader.out_caps(), "encoding-name"), "VP9-DRAFT-IETF-01");
}

}  // namespace
}  // namespace e2ee::test
