/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame over RTP in the crypto elements and the frame cryptor: caps, plaintext, packets, streams.
#include "sframe_session.h"
#include "support/frame_cryptor.h"
#include "support/nalunits.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using namespace session;

constexpr char kAv1[] = "video/x-av1, stream-format=obu-stream, alignment=tu";
constexpr char kPackets[] =
    "application/x-rtp, media=video, encoding-name=H264, clock-rate=90000, payload=96";

Bytes start_of(std::initializer_list<int> bytes, gsize size) {
  Bytes frame;
  for (int byte : bytes)
    frame.push_back(static_cast<guint8>(byte));
  return join({frame, noise(size, 3)});
}

struct Codec {
  guint8 key;  // which goes on counting in this process
  const char *name;
  const char *caps;
  Bytes frame;
};
const Codec kCodecs[] = {
    {0x60, "h264", kH264,
     start_of({0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 0x88}, 200)},
    {0x61, "h265", kH265, start_of({0, 0, 0, 1, 0x40, 1, 0x0c, 0, 0, 0, 1, 0x26, 1, 0x80}, 200)},
    {0x62, "av1", kAv1, start_of({0x12, 0, 0x32, 0xc8, 1, 0x10}, 199)},
    {0x63, "vp8", kVp8, vp8_key(300)},
    {0x64, "vp9", kVp9, start_of({0x82, 0x49, 0x83, 0x42}, 100)},
    {0x65, "opus", kOpus, noise(80, 4)}};

class SframeRtp : public testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Codecs, SframeRtp, testing::ValuesIn(kCodecs),
                         [](const auto &test) { return test.param.name; });

}  // namespace

// ---- frames -------------------------------------------------------------------------------------

TEST_P(SframeRtp, NothingIsInTheClearAndItComesBack) {
  const Provider provider = raw_provider(GetParam().key, 1);
  const auto sender = sender_of(provider, GetParam().caps);
  const auto receiver = receiver_of(provider, GetParam().caps);
  EXPECT_NE(caps_behind(*sender).find("sframe-rtp"), std::string::npos);
  for (guint8 counter = 0; counter < 3; ++counter) {
    const std::optional<Bytes> sealed = sender->pass(GetParam().frame);
    ASSERT_TRUE(sealed);
    const Bytes header = {static_cast<guint8>(0x90 | counter), 1, 0};
    EXPECT_EQ(part(*sealed, 0, 3), header);
    EXPECT_EQ(sealed->size(), GetParam().frame.size() + 3 + 10);
    EXPECT_EQ(receiver->pass(*sealed), GetParam().frame);
    const auto peeked = peek("sframe", GetParam().caps, *sealed, GST_E2EE_CLEAR_HEADER_NONE);
    ASSERT_TRUE(peeked);
    EXPECT_EQ(peeked->key_id, 256U);
  }
  EXPECT_EQ(caps_behind(*receiver).find("sframe-rtp"), std::string::npos);
  EXPECT_EQ(receiver->dropped(), 0U);
}

TEST_P(SframeRtp, TheFrameCryptorDoesTheSame) {
  const Provider provider = raw_provider(0x42, 1);
  FrameCryptor cryptor(provider,
                       {{"scheme", "sframe"}, {"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}});
  cryptor.start(marked(GetParam().caps).c_str());
  const auto is_marked = [](const Caps &caps) {
    return gst_structure_has_field(gst_caps_get_structure(caps.get(), 0), "e2ee") != FALSE;
  };
  EXPECT_TRUE(is_marked(cryptor.encrypted_caps()));
  EXPECT_FALSE(is_marked(cryptor.decrypted_caps()));
  const std::optional<Bytes> sealed = cryptor.encrypt(GetParam().frame);
  ASSERT_TRUE(sealed) << cryptor.error.text();
  EXPECT_EQ(cryptor.decrypt(*sealed), GetParam().frame);
  EXPECT_EQ(receiver_of(provider, GetParam().caps)->pass(*sealed), GetParam().frame);
}

// That others accept a field that they do not know is no reason to send it to them.
TEST(SframeRtpCaps, AreChosenOnlyWhereTheyAreNamed) {
  for (const char *caps : {kVp8, kOpus}) {
    const auto element = make("e2eeencrypt", raw_provider(0x43));
    element->start(caps);
    ASSERT_TRUE(element->pass(vp8_key(100)));
    EXPECT_EQ(caps_behind(*element).find("e2ee"), std::string::npos) << caps_behind(*element);
  }
  for (const char *caps : {kH264, kH265, kAv1}) {
    const auto element = make("e2eeencrypt", raw_provider(0x43));
    element->start(nullptr);
    gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
    EXPECT_FALSE(element->send_caps(caps));
    const BusLog log = element->bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_NE(log.errors[0].find("payload-format=sframe"), std::string::npos) << log.errors[0];
  }
}

// av1enc leaves out what the payloader asks for.
TEST(SframeRtpCaps, NameTheFormatOfAv1) {
  const auto element = sender_of(raw_provider(0x43, 1), "video/x-av1, alignment=tu", {}, kAv1);
  EXPECT_NE(caps_behind(*element).find("obu-stream"), std::string::npos) << caps_behind(*element);
}

TEST(SframeRtpCaps, OtherSchemesAreRefusedThere) {
  const auto element = element_of("e2eeencrypt", raw_provider(0x44), "livekit");
  element->start(nullptr);
  gst_harness_set_sink_caps_str(element->harness(), marked("video/x-vp8").c_str());
  gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
  EXPECT_FALSE(element->send_caps(kVp8));
  const BusLog log = element->bus();
  ASSERT_EQ(log.errors.size(), 1U);
  EXPECT_NE(log.errors[0].find("scheme=sframe"), std::string::npos) << log.errors[0];
}

TEST(SframeRtpCaps, PartsOfTemporalUnitsAreRefused) {
  for (const char *caps : {"video/x-av1, stream-format=obu-stream, alignment=obu",
                           "video/x-av1, stream-format=annexb, alignment=tu"}) {
    const auto element = make("e2eeencrypt", raw_provider(0x43));
    element->start(nullptr);
    gst_harness_set_sink_caps_str(element->harness(), marked("video/x-av1").c_str());
    gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
    EXPECT_FALSE(element->send_caps(caps));
    const BusLog log = element->bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_NE(log.errors[0].find("av1parse"), std::string::npos) << log.errors[0];
    FrameCryptor cryptor(raw_provider(0x43), {{"scheme", "sframe"}});
    EXPECT_FALSE(cryptor.set_caps(marked(caps).c_str()));
  }
}

TEST(SframeRtpCaps, ShortTagsAreForAudioHereToo) {
  for (const char *suite : {"3", "8"}) {
    FrameCryptor cryptor(raw_provider(0x45), {{"scheme", "sframe"}, {"sframe-suite", suite}});
    EXPECT_TRUE(cryptor.set_caps(marked(kOpus).c_str())) << cryptor.error.text();
    for (const char *caps : {kVp8, kVp9, kH264, kH265, kAv1, kPackets}) {
      EXPECT_FALSE(cryptor.set_caps(marked(caps).c_str())) << caps;
      EXPECT_TRUE(cryptor.error.is(GST_E2EE_ERROR_UNSUPPORTED)) << cryptor.error.text();
    }
  }
}

// ---- NAL units ----------------------------------------------------------------------------------

TEST(SframeRtpNal, LengthsAreThePlaintextAlone) {
  const Provider provider = raw_provider(0x46, 1);
  const std::vector<Bytes> units = {
      {0x67, 0x42, 0xc0, 0x1f}, {0x68, 0xce, 0x3c}, {0x65, 0x88, 0x21}};
  const Bytes stream = nal::stream_of(units);
  const Settings lengths = {{"nal-format", "length4"}};
  const auto sender = sender_of(provider, kH264, lengths);
  const std::optional<Bytes> sealed = sender->pass(stream);
  ASSERT_TRUE(sealed);
  EXPECT_NE(caps_behind(*sender).find("byte-stream"), std::string::npos);
  EXPECT_EQ(receiver_of(provider, kH264, lengths)->pass(*sealed), stream);
  EXPECT_EQ(receiver_of(provider, kH264)->pass(*sealed), nal::lengths_of(units))
      << "what was encrypted";
  // The other way round they are no lengths.
  const auto wrong = receiver_of(provider, kH264, lengths);
  EXPECT_EQ(wrong->pass(sender_of(provider, kH264)->pass(stream).value()), std::nullopt);
  EXPECT_EQ(wrong->stat("dropped-malformed"), 1U);
}

TEST(SframeRtpNal, LengthsComeInAndKeyFramesAreKnown) {
  const Provider provider = raw_provider(0x47, 1);
  const auto receiver = receiver_of(provider, kH264);
  for (const char *format : {"avc", "avc3"}) {
    for (const char *nal_format : {"byte-stream", "length4"}) {
      const std::vector<Bytes> units = {{0x67, 0x42}, {0x65, 0x88, 0x21, 0x90}};
      const auto sender =
          sender_of(provider, std::string("video/x-h264, alignment=au, stream-format=") + format,
                    {{"nal-format", nal_format}}, kH264);
      ASSERT_EQ(sender->push(nal::lengths_of(units)), GST_FLOW_OK);
      const Buffer sealed = sender->pull();
      ASSERT_TRUE(sealed);
      const auto *meta = gst_e2ee_buffer_get_frame_meta(sealed.get());
      ASSERT_NE(meta, nullptr);
      EXPECT_TRUE(meta->keyframe);
      const Bytes expected =
          std::string(nal_format) == "length4" ? nal::lengths_of(units) : nal::stream_of(units);
      EXPECT_EQ(receiver->pass(bytes_of(sealed.get())), expected);
    }
  }
}

// Receivers have no other place to look: the parameter sets are in each key frame, also of an
// encoder that gives them once.
TEST(SframeRtpNal, EachKeyFrameHasParameterSets) {
  const Provider provider = raw_provider(0x48, 1);
  const auto sender = sender_of(provider, kH264);
  const auto receiver = receiver_of(provider, kH264);
  const Bytes sps = {0x67, 0x42, 0xc0, 0x1f};
  const Bytes pps = {0x68, 0xce, 0x3c, 0x80};
  const Bytes key = {0x65, 0x88, 0x84, 0x21};
  const Bytes delta = {0x41, 0x9a, 0x21, 0x6c};
  const auto comes_as = [&](const std::vector<Bytes> &sent) {
    return receiver->pass(sender->pass(nal::stream_of(sent)).value());
  };
  EXPECT_EQ(comes_as({sps, pps, key}), nal::stream_of({sps, pps, key}));
  EXPECT_EQ(comes_as({delta}), nal::stream_of({delta}));
  EXPECT_EQ(comes_as({key}), nal::stream_of({sps, pps, key}));
}

// ---- packets ------------------------------------------------------------------------------------

namespace {

// Made by the frame cryptor, whose frames are what a packet carries.
Bytes packet_of(FrameCryptor &cryptor, const Bytes &header, const Bytes &payload) {
  return join({header, cryptor.encrypt(payload).value_or(Bytes{})});
}

const Bytes kPlainHeader = {0x80, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8};
const Bytes kLongHeader = {0x91, 0x60, 0x12, 0x35, 1,    2,    3, 4, 5,    6, 7, 8,
                           9,    9,    9,    9,    0xbe, 0xde, 0, 1, 0x10, 7, 0, 0};

}  // namespace

TEST(SframeRtpPackets, KeepTheirHeadersAndLoseTheField) {
  const Provider provider = raw_provider(0x49, 1);
  FrameCryptor cryptor(provider,
                       {{"scheme", "sframe"}, {"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}});
  cryptor.start(marked(kOpus).c_str());
  FrameCryptor opener(provider,
                      {{"scheme", "sframe"}, {"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}});
  opener.start(marked(kPackets).c_str());
  const auto receiver = receiver_of(provider, kPackets);
  const Bytes payload = noise(300, 5);
  for (const Bytes &header : {kPlainHeader, kLongHeader}) {
    const Bytes packet = packet_of(cryptor, header, payload);
    EXPECT_EQ(receiver->pass(packet), join({header, payload}));
    EXPECT_EQ(opener.decrypt(packet), join({header, payload})) << opener.error.text();
    Buffer shared_one = buffer_of(packet);
    Buffer other(gst_buffer_ref(shared_one.get()));
    EXPECT_EQ(receiver->push(std::move(shared_one)), GST_FLOW_OK);
    EXPECT_EQ(bytes_of(receiver->pull().get()), join({header, payload}));
    EXPECT_EQ(bytes_of(other.get()), packet);
  }
  const std::string caps = caps_behind(*receiver);
  EXPECT_EQ(caps.find("e2ee"), std::string::npos) << caps;
  EXPECT_NE(caps.find("application/x-rtp"), std::string::npos) << caps;
  EXPECT_EQ(opener.encrypt(noise(50, 1)), std::nullopt);
  EXPECT_TRUE(opener.error.is(GST_E2EE_ERROR_UNSUPPORTED)) << opener.error.text();
}

TEST(SframeRtpPackets, BadOnesAreDropped) {
  const Provider provider = raw_provider(0x4a, 1);
  FrameCryptor cryptor(provider,
                       {{"scheme", "sframe"}, {"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}});
  cryptor.start(marked(kOpus).c_str());
  const auto receiver = receiver_of(provider, kPackets);
  const Bytes good = packet_of(cryptor, kLongHeader, noise(30, 5));
  ASSERT_TRUE(receiver->pass(good));
  guint64 malformed = 0;
  for (gsize size = 1; size < kLongHeader.size() + 3 + 10; ++size) {
    EXPECT_EQ(receiver->pass(part(good, 0, size)), std::nullopt) << size;
    EXPECT_EQ(receiver->stat("dropped-malformed"), ++malformed) << size;
  }
  for (const guint8 bit : {0x20, 0x40}) {  // padding, another version
    Bytes bad = good;
    bad[0] ^= bit;
    EXPECT_EQ(receiver->pass(bad), std::nullopt);
  }
  Bytes forged = good;
  forged.back() ^= 1;
  EXPECT_EQ(receiver->pass(forged), std::nullopt);
  EXPECT_EQ(receiver->stat("dropped-auth"), 1U);
  EXPECT_EQ(receiver->stat("key-failures"), 1U);
  EXPECT_TRUE(receiver->pass(good));
}

// A packet whose key is late waits whole, its header with it.
TEST(SframeRtpPackets, AreHeldForALateKey) {
  FrameCryptor cryptor(raw_provider(0x4b, 1),
                       {{"scheme", "sframe"}, {"sframe-suite", "6"}, {"sframe-ratchet-bits", "8"}});
  cryptor.start(marked(kOpus).c_str());
  const Bytes payload = noise(60, 6);
  const Bytes packet = packet_of(cryptor, kLongHeader, payload);
  const Provider provider = empty_provider();
  const auto receiver = receiver_of(provider, kPackets, {{"key-wait", "60000000000"}});
  EXPECT_EQ(receiver->pass(packet), std::nullopt);
  EXPECT_TRUE(wait_for([&] { return receiver->stat("held") == 1; }));
  set_raw(provider, 0x4b, 1);
  Buffer out;
  EXPECT_TRUE(wait_for([&] { return (out = receiver->pull()) != nullptr; }));
  EXPECT_EQ(bytes_of(out.get()), join({kLongHeader, payload}));
}

}  // namespace e2ee::test
