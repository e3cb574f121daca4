/* SPDX-License-Identifier: LGPL-2.1-or-later */
// rtpe2eedepay payload-format=sframe: packets made by hand after draft-ietf-avtcore-rtp-sframe.
#include "support/element.h"
#include "support/sframe_rtp.h"

namespace e2ee::test {
namespace {

Bytes piece(unsigned third) {
  return part(kCipher, third * 30, third * 30 + 30);
}

// ---- Frames

TEST(SframeDepay, CapsOfEachCodec) {
  for (const SframeCodec &codec : kSframeCodecs) {
    SCOPED_TRACE(codec.encoding_name);
    SframeReceiver receiver(codec.encoding_name);
    ASSERT_EQ(only(receiver.packet(kWhole, kCipher)), kCipher);
    const Caps caps = receiver.out_caps();
    const Caps expected(gst_caps_from_string(
        (std::string(codec.caps) + ", ssrc=(uint)" + std::to_string(kMediaSsrc)).c_str()));
    EXPECT_TRUE(gst_caps_is_equal(caps.get(), expected.get()))
        << text_of(caps) << " instead of " << text_of(expected);
  }
}

TEST(SframeDepay, FragmentsBecomeOneFrame) {
  SframeReceiver receiver("H264");
  EXPECT_TRUE(receiver.packet(kStartBit, piece(0), {.time = 900}).empty());
  EXPECT_TRUE(receiver.packet(0, piece(1), {.time = 900}).empty());
  const std::vector<Buffer> out = receiver.packet(kEndBit, piece(2), {.time = 900, .marker = true});
  EXPECT_EQ(only(out), kCipher);
  EXPECT_EQ(GST_BUFFER_PTS(out[0].get()), 10 * GST_MSECOND);
  EXPECT_EQ(receiver.losses(), 0U);
}

// Nothing of a frame can be read, so nothing is said of it. VP8 would be a delta frame by the last
// bit.
TEST(SframeDepay, SaysOfAFrameNoMoreThanIsKnown) {
  const Bytes cipher = join({{0x91}, kCipher});
  for (const char *name : {"VP8", "OPUS"}) {
    SframeReceiver receiver(name);
    for (const bool marker : {false, true}) {
      const std::vector<Buffer> out = receiver.packet(kWhole, cipher, {.marker = marker});
      ASSERT_EQ(out.size(), 1U);
      EXPECT_FALSE(is_delta(out[0].get()));
      EXPECT_EQ(gst_e2ee_buffer_get_frame_meta(out[0].get()), nullptr);
      // Of Opus it begins a talkspurt.
      EXPECT_EQ(has_flag(out[0].get(), GST_BUFFER_FLAG_MARKER),
                marker && std::string(name) == "VP8");
    }
  }
}

TEST(SframeDepay, OnlySAndEDelimitCiphertexts) {
  SframeReceiver receiver("VP9");
  // Three layers of one picture; the marker may be anywhere.
  EXPECT_TRUE(receiver.packet(kStartBit, piece(0), {.time = 900, .marker = true}).empty());
  EXPECT_TRUE(receiver.packet(0, piece(1), {.time = 900, .marker = true}).empty());
  EXPECT_EQ(only(receiver.packet(kEndBit, piece(2), {.time = 900})), kCipher);
  EXPECT_EQ(only(receiver.packet(kWhole, kOther, {.time = 900})), kOther);
  const std::vector<Buffer> last = receiver.packet(kWhole, kCipher, {.time = 900, .marker = true});
  EXPECT_EQ(only(last), kCipher);
  EXPECT_TRUE(has_flag(last.at(0).get(), GST_BUFFER_FLAG_MARKER));
  EXPECT_EQ(GST_BUFFER_PTS(last.at(0).get()), 10 * GST_MSECOND);
  EXPECT_EQ(receiver.losses(), 0U);
}

TEST(SframeDepay, ReservedBitsAreIgnored) {
  for (const guint8 reserved : {0x01, 0x04, 0x10, 0x1f}) {
    SframeReceiver receiver("H264");
    receiver.packet(static_cast<guint8>(kStartBit | reserved), piece(0));
    receiver.packet(0, piece(1));
    EXPECT_EQ(only(receiver.packet(static_cast<guint8>(kEndBit | reserved), piece(2))), kCipher);
    EXPECT_EQ(only(receiver.packet(static_cast<guint8>(kWhole | reserved), kOther)), kOther);
  }
}

TEST(SframeDepay, PaddingAloneEndsNothing) {
  SframeReceiver receiver("H264");
  receiver.packet(kStartBit, piece(0));
  EXPECT_TRUE(receiver.packet(Bytes{}, {.marker = true}).empty());
  receiver.packet(0, piece(1));
  EXPECT_TRUE(receiver.packet(Bytes{}).empty());
  EXPECT_EQ(only(receiver.packet(kEndBit, piece(2))), kCipher);
  EXPECT_TRUE(receiver.packet(Bytes{}).empty());
  const std::vector<Buffer> next = receiver.packet(kWhole, kOther);
  EXPECT_EQ(only(next), kOther);
  EXPECT_FALSE(has_flag(next.at(0).get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(receiver.losses(), 0U);
}

// Without a jitter buffer packets of one timestamp arrive at several times.
TEST(SframeDepay, OneTimestampHasOneTime) {
  SframeReceiver receiver("VP9");
  GstClockTime arrival = 10 * GST_MSECOND;
  const auto arrive = [&](guint8 bits) {
    const guint16 seq = receiver.next_seq();
    receiver.lose();
    const Buffer packet = make_packet(join({{bits}, kCipher}), seq, RtpFields{.time = 900});
    GST_BUFFER_PTS(packet.get()) = arrival++;
    return receiver.push(packet.get());
  };
  arrive(kStartBit);
  for (const std::vector<Buffer> &out : {arrive(kEndBit), arrive(kWhole)})
    EXPECT_EQ(GST_BUFFER_PTS(out.at(0).get()), 10 * GST_MSECOND);
}

TEST(SframeDepay, CapsFollowTheSsrc) {
  SframeReceiver receiver("H264");
  EXPECT_EQ(only(receiver.packet(kWhole, kCipher)), kCipher);
  EXPECT_EQ(only(receiver.packet(kWhole, kOther, {.ssrc = 9})), kOther);
  EXPECT_EQ(field_of(receiver.out_caps(), "ssrc"), "9");
}

// ---- Broken ciphertexts

struct Broken {
  const char *name;
  void (*send)(SframeReceiver &receiver);  // packets that give no frame
  bool seen_by_jitter_buffer;              // packets are missing: it tells of the gap
};

void PrintTo(const Broken &broken, std::ostream *out) {
  *out << broken.name;
}

constexpr Broken kBroken[] = {
    {"first_lost",
     [](SframeReceiver &receiver) {
       receiver.lose();
       receiver.packet(0, piece(1));
       receiver.packet(kEndBit, piece(2));
     },
     true},
    {"middle_lost",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.lose();
       receiver.packet(kEndBit, piece(2));
     },
     true},
    {"last_lost",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.packet(0, piece(1));
       receiver.lose();
     },
     true},
    {"reordered",
     [](SframeReceiver &receiver) {
       const guint16 first = receiver.next_seq();
       receiver.push(make_packet(join({{kStartBit}, piece(0)}), first, RtpFields{}).get());
       receiver.push(make_packet(join({{kEndBit}, piece(2)}), first + 2, RtpFields{}).get());
       receiver.push(make_packet(join({{0}, piece(1)}), first + 1, RtpFields{}).get());
       receiver.lose(3);
     },
     true},
    {"start_without_end",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.packet(0, piece(1));
     },
     false},
    {"end_without_start", [](SframeReceiver &receiver) { receiver.packet(kEndBit, piece(2)); },
     false},
    {"middle_alone", [](SframeReceiver &receiver) { receiver.packet(0, piece(1)); }, false},
    {"t_changes",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.packet(kPacketBit, piece(1));
       receiver.packet(kEndBit, piece(2));
     },
     false},
    {"t_changes_back",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit | kPacketBit, piece(0));
       receiver.packet(kEndBit, piece(1));
     },
     false},
    {"payload_type_changes",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.packet(0, piece(1), {.payload_type = 97});
       receiver.packet(kEndBit, piece(2));
     },
     false},
    {"ssrc_changes",
     [](SframeReceiver &receiver) {
       receiver.packet(kStartBit, piece(0));
       receiver.packet(kEndBit, piece(1), {.ssrc = 2});
     },
     true},
    {"no_ciphertext_behind_the_byte",
     [](SframeReceiver &receiver) { receiver.packet(Bytes{kWhole}); }, false},
};

class SframeDepayBroken : public ::testing::TestWithParam<Broken> {};

TEST_P(SframeDepayBroken, IsDroppedWholeAndToldOnceAndTheNextIsUnharmed) {
  SframeReceiver receiver("H264");
  g_object_set(receiver.element(), "request-keyframe", TRUE, nullptr);
  ASSERT_EQ(only(receiver.packet(kWhole, kOther)), kOther);
  receiver.events();
  receiver.upstream_events();

  GetParam().send(receiver);
  EXPECT_TRUE(receiver.pull().empty());

  const std::vector<Buffer> next = receiver.packet(kWhole, kOther);
  EXPECT_EQ(only(next), kOther);
  EXPECT_TRUE(has_flag(next.at(0).get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(contains(receiver.events(), "gap"), !GetParam().seen_by_jitter_buffer);
  EXPECT_TRUE(contains(receiver.upstream_events(), "GstForceKeyUnit"));
  EXPECT_GE(receiver.losses(), 1U);
  const guint64 losses = receiver.losses();

  const std::vector<Buffer> after = receiver.packet(kWhole, kCipher);
  EXPECT_EQ(only(after), kCipher);
  EXPECT_FALSE(has_flag(after.at(0).get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(receiver.losses(), losses);
}

INSTANTIATE_TEST_SUITE_P(Packets, SframeDepayBroken, ::testing::ValuesIn(kBroken),
                         [](const auto &test) { return std::string(test.param.name); });

TEST(SframeDepay, DoubledPacketsDoNoHarm) {
  SframeReceiver receiver("H264");
  const guint16 seq = receiver.next_seq();
  std::vector<Buffer> out;
  for (unsigned i = 0; i < 3; i++) {
    const guint8 bits = static_cast<guint8>((i == 0 ? kStartBit : 0) | (i == 2 ? kEndBit : 0));
    const Buffer packet =
        make_packet(join({{bits}, piece(i)}), static_cast<guint16>(seq + i), RtpFields{});
    for (unsigned times = 0; times < 2; times++)
      for (Buffer &frame : receiver.push(packet.get()))
        out.push_back(std::move(frame));
  }
  EXPECT_EQ(only(out), kCipher);
  EXPECT_EQ(receiver.losses(), 0U);
}

// Frames cannot be told apart: there is none to wait for.
TEST(SframeDepay, WaitsForNoKeyFrame) {
  SframeReceiver receiver("H264");
  g_object_set(receiver.element(), "wait-for-keyframe", TRUE, nullptr);
  EXPECT_EQ(only(receiver.packet(kWhole, kCipher)), kCipher);
  receiver.lose();
  EXPECT_EQ(only(receiver.packet(kWhole, kOther)), kOther);
}

TEST(SframeDepay, AsksForAKeyFrameOfVideoAlone) {
  for (const char *name : {"H265", "OPUS"}) {
    SframeReceiver receiver(name);
    g_object_set(receiver.element(), "request-keyframe", TRUE, nullptr);
    receiver.packet(kWhole, kCipher);
    receiver.lose();
    receiver.packet(kWhole, kOther);
    EXPECT_EQ(receiver.losses(), 1U);
    EXPECT_EQ(contains(receiver.upstream_events(), "GstForceKeyUnit"), std::string(name) == "H265");
  }
}

TEST(SframeDepay, AFlushForgetsTheBeginning) {
  SframeReceiver receiver("H264");
  receiver.packet(kStartBit, piece(0));
  gst_harness_push_event(receiver.harness(), gst_event_new_flush_start());
  gst_harness_push_event(receiver.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(receiver.harness(), gst_event_new_segment(&segment));
  EXPECT_TRUE(receiver.packet(kEndBit, piece(1)).empty());
  EXPECT_EQ(only(receiver.packet(kWhole, kOther)), kOther);
}

// ---- Caps that are refused

std::string error_of(const char *payload_format, const std::string &rtp_caps) {
  Stage depayloader("rtpe2eedepay");
  gst_util_set_object_arg(G_OBJECT(depayloader.element()), "payload-format", payload_format);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(depayloader.element(), bus);
  depayloader.set_caps(rtp_caps.c_str());
  EXPECT_EQ(depayloader.try_push(make_packet(join({{kWhole}, kCipher}), 1, RtpFields{}).get()),
            GST_FLOW_NOT_NEGOTIATED);
  EXPECT_TRUE(depayloader.pull().empty());
  const BusLog log = drain(bus);
  gst_element_set_bus(depayloader.element(), nullptr);
  gst_object_unref(bus);
  return log.errors.empty() ? "" : log.errors[0];
}

TEST(SframeDepay, RefusesWhatIsNotItsWithAHint) {
  EXPECT_NE(error_of("codec", sframe_rtp_caps("VP8")).find("payload-format=sframe"),
            std::string::npos);
  EXPECT_NE(error_of("codec",
                     "application/x-rtp, media=video, clock-rate=90000, "
                     "encoding-name=H264")
                .find("VP8, VP9, OPUS"),
            std::string::npos);
  EXPECT_NE(error_of("sframe",
                     "application/x-rtp, media=audio, clock-rate=48000, "
                     "encoding-name=MULTIOPUS")
                .find("H264, H265, AV1, VP8, VP9, OPUS"),
            std::string::npos);
}

}  // namespace
}  // namespace e2ee::test
