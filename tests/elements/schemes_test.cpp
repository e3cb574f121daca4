/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The schemes side by side: what a scheme refuses, and what happens when both ends differ.
#include "support/element.h"
#include "support/records.h"

namespace e2ee::test {
namespace {

const char *const kSchemes[] = {"livekit", "realtimekit", "jitsi", "sframe"};

// What the bus says when the element goes to PAUSED with these settings.
std::string refusal_of(Element &element) {
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const BusLog log = element.bus();
  gst_element_set_state(element.get(), GST_STATE_NULL);
  return log.errors.empty() ? "" : log.errors[0];
}

}  // namespace

// ---- both ends ----------------------------------------------------------------------------------

TEST(Schemes, R1_AnotherSchemeIsDroppedCountedAndReported) {
  const Provider provider = raw_provider(0x35);
  for (const char *from : kSchemes) {
    const auto encryptor = element_of("e2eeencrypt", provider, from);
    encryptor->start(kVp8);
    for (const char *to : kSchemes) {
      SCOPED_TRACE(std::string(from) + " to " + to);
      const auto decryptor = element_of("e2eedecrypt", provider, to);
      decryptor->start(kVp8);
      const Bytes plain = vp8_key(300);
      const std::optional<Bytes> sealed = encryptor->pass(plain);
      ASSERT_TRUE(sealed);
      const std::optional<Bytes> opened = decryptor->pass(*sealed);
      if (std::string(from) == to) {
        EXPECT_EQ(opened, plain);
        continue;
      }
      EXPECT_EQ(opened, std::nullopt);
      EXPECT_EQ(decryptor->dropped(), 1U);
      EXPECT_EQ(decryptor->stat("passed-plaintext"), 0U);
      const BusLog log = decryptor->bus();
      EXPECT_TRUE(log.find("decryption-failed") != nullptr || log.find("malformed") != nullptr ||
                  log.find("missing-key") != nullptr);
    }
  }
}

// ---- what is refused ----------------------------------------------------------------------------

TEST(Schemes, CodecsAreRefusedByNameOfSchemeAndCodec) {
  for (const char *scheme : {"realtimekit", "jitsi", "sframe"}) {
    for (const char *codec : {"h264", "h265", "av1"}) {
      for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
        const auto element = element_of(factory, raw_provider(1), scheme);
        element->start(nullptr);
        gst_harness_push_event(element->harness(), gst_event_new_stream_start("refused"));
        const std::string caps = std::string("video/x-") + codec + ", alignment=(string)au";
        EXPECT_FALSE(element->send_caps(caps.c_str()));
        const BusLog log = element->bus();
        ASSERT_EQ(log.errors.size(), 1U) << scheme << ' ' << codec;
        EXPECT_NE(log.errors[0].find(scheme), std::string::npos) << log.errors[0];
      }
    }
  }
}

TEST(Schemes, AFixedRingRefusesOtherProviders) {
  const struct {
    const char *property;
    guint value;
    const char *advice;
  } wrong[] = {{"keyring-size", 256, "keyring-size=16"}, {"key-size", 256, "key-size=128"}};
  for (const char *scheme : {"realtimekit", "jitsi"}) {
    for (const auto &[property, value, advice] : wrong) {
      const Provider provider = raw_provider(1);
      g_object_set(provider.get(), property, value, nullptr);
      const auto element = element_of("e2eedecrypt", provider, scheme);
      const std::string text = refusal_of(*element);
      EXPECT_NE(text.find(scheme), std::string::npos) << text;
      EXPECT_NE(text.find(advice), std::string::npos) << text;
    }
  }
}

TEST(Schemes, AKeyThatTheSchemeCannotUseIsRefusedBeforeFramesFlow) {
  const Provider ring = own(gst_e2ee_participant_key_provider_new());
  ASSERT_TRUE(gst_e2ee_participant_key_provider_set_passphrase(
      GST_E2EE_PARTICIPANT_KEY_PROVIDER(ring.get()), "alice", "text", 0, nullptr));
  const struct {
    const char *scheme;
    Provider provider;
    const char *says;
  } cases[] = {
      {"jitsi", passphrase_provider("text"), "key-file"},
      {"jitsi", ring, "key-file"},
      {"realtimekit",
       [] {
         const Provider provider = empty_provider();
         g_autoptr(GstE2EEKeyMaterial) material = raw_material(1, 0);
         EXPECT_TRUE(gst_e2ee_key_material_set_key_size(material, 256, nullptr));
         EXPECT_TRUE(
             gst_e2ee_shared_key_provider_set_material(shared(provider), material, nullptr));
         return provider;
       }(),
       "128"},
      {"sframe",
       [] {
         const Provider provider = empty_provider();
         g_object_set(provider.get(), "keyring-size", 32, nullptr);
         set_raw(provider, 1, 16);
         return provider;
       }(),
       "0 to 15"},
  };
  for (const auto &[scheme, provider, says] : cases) {
    const bool is_index = std::string(says) == "0 to 15";
    for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
      if (is_index && std::string(factory) == "e2eedecrypt")
        continue;
      const auto element = element_of(factory, provider, scheme);
      g_object_set(element->get(), "participant", "alice", nullptr);
      const std::string text = refusal_of(*element);
      EXPECT_NE(text.find(says), std::string::npos) << factory << ": " << text;
      EXPECT_NE(text.find(scheme), std::string::npos) << text;
    }
    if (!is_index)
      continue;
    // One that receives may be sent frames under another key of the ring.
    const auto decryptor = element_of("e2eedecrypt", provider, scheme);
    g_object_set(decryptor->get(), "participant", "alice", nullptr);
    EXPECT_NE(gst_element_set_state(decryptor->get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    const BusLog log = decryptor->bus();
    ASSERT_EQ(log.warnings.size(), 1U) << scheme;
    EXPECT_NE(log.warnings[0].find(says), std::string::npos) << log.warnings[0];
  }
}

TEST(Schemes, AKeyOfNoUseThatComesLaterIsToldOfWithTheFramesThatMissIt) {
  const Provider provider = raw_provider(0x52);
  const auto encryptor = element_of("e2eeencrypt", provider, "jitsi");
  encryptor->start(kOpus);
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_passphrase(shared(provider), "text", 0, nullptr));
  EXPECT_FALSE(encryptor->pass(noise(50, 1)));
  const BusLog log = encryptor->bus();
  ASSERT_EQ(log.warnings.size(), 2U);
  EXPECT_NE(log.warnings[0].find("key-file"), std::string::npos) << log.warnings[0];
  EXPECT_NE(log.warnings[1].find("no current key"), std::string::npos) << log.warnings[1];
}

// Whoever sets a new key to shut someone out has shut them out, even if the new one is of no use.
TEST(Schemes, R1_AKeyThatWasReplacedIsGoneEvenIfTheNewOneCannotBeUsed) {
  const Provider provider = raw_provider(0x51);
  const auto encryptor = element_of("e2eeencrypt", provider, "jitsi");
  const auto decryptor = element_of("e2eedecrypt", provider, "jitsi");
  encryptor->start(kOpus);
  decryptor->start(kOpus);
  const std::optional<Bytes> sealed = encryptor->pass(noise(50, 1));
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(decryptor->pass(*sealed));
  // Jitsi's keys are raw.
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_passphrase(shared(provider), "text", 0, nullptr));
  EXPECT_FALSE(decryptor->pass(*sealed));
  EXPECT_FALSE(encryptor->pass(noise(50, 2)));
}

TEST(Schemes, SframeRefusesWhatOnlyTrailersAllow) {
  const auto decryptor = element_of("e2eedecrypt", raw_provider(1), "sframe");
  decryptor->set("allow-plaintext", "true");
  EXPECT_NE(refusal_of(*decryptor).find("allow-plaintext"), std::string::npos);
  decryptor->set("allow-plaintext", "false");
  EXPECT_NE(gst_element_set_state(decryptor->get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const auto encryptor = element_of("e2eeencrypt", raw_provider(1), "sframe");
  encryptor->set("frame-metadata", "true");
  EXPECT_NE(refusal_of(*encryptor).find("frame-metadata"), std::string::npos);
  // Also when it is set after the keys were opened.
  encryptor->set("frame-metadata", "false");
  EXPECT_NE(gst_element_set_state(encryptor->get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  encryptor->set("frame-metadata", "true");
  EXPECT_NE(refusal_of(*encryptor).find("frame-metadata"), std::string::npos);
}

// ---- RealtimeKit's own --------------------------------------------------------------------------

TEST(Realtimekit, ServerFramesAreKnownWithoutATrailerBeingSet) {
  const Bytes filler = [] {
    Bytes opus(80);
    opus[0] = 0xf8, opus[1] = 0xff, opus[2] = 0xfe;
    return opus;
  }();
  const Bytes other = {0xf8, 0xff, 0xfe};
  for (const char *mode : {"", "drop", "known", "pass"}) {
    SCOPED_TRACE(mode);
    const auto decryptor = element_of("e2eedecrypt", raw_provider(1), "realtimekit");
    if (*mode != '\0')
      decryptor->set("server-frames", mode);
    decryptor->start(kOpus);
    for (const Bytes &payload : {filler, other}) {
      Bytes marked = payload;
      for (char c : std::string("LKROCKS"))
        marked.push_back(static_cast<guint8>(c));
      const bool passes =
          std::string(mode) == "pass" || (std::string(mode) == "known" && payload == filler);
      decryptor->push(marked);
      const Buffer out = decryptor->pull();
      ASSERT_EQ(out != nullptr, passes);
      if (out) {
        EXPECT_EQ(bytes_of(out.get()), payload);
        EXPECT_TRUE(gst_e2ee_buffer_is_unprotected(out.get()));
      }
    }
    EXPECT_EQ(decryptor->stat("server-frames"), 2U);
  }
  // LiveKit announces its own: the same bytes say nothing there.
  const auto livekit = element_of("e2eedecrypt", raw_provider(1), "livekit");
  livekit->set("server-frames", "pass");
  livekit->start(kOpus);
  EXPECT_EQ(livekit->pass({0xf8, 0xff, 0xfe, 'L', 'K', 'R', 'O', 'C', 'K', 'S'}), std::nullopt);
  EXPECT_EQ(livekit->stat("server-frames"), 0U);
}

// The server writes its trailer behind the NAL units of the packet: rtph264depay reads a length of
// two bytes there, and a NAL unit of the rest.
TEST(LiveKit, ThePictureOfTheServerIsKnownAsDepayloadersGiveIt) {
  const Bytes sps = {0x67, 0x42, 0xc0, 0x1f, 0x0f, 0xd9, 0x1f, 0x88, 0x88, 0x84, 0x00, 0x00,
                     0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc9, 0x20};
  const Bytes pps = {0x68, 0x87, 0xcb, 0x83, 0xcb, 0x20};
  const Bytes idr = {0x65, 0x88, 0x84, 0x0a, 0xf2, 0x62, 0x80, 0x00, 0xa7, 0xbe};
  const Bytes rest = {0x22, 0x33, 0x44, 0x55, 0x66};  // of the trailer
  const auto picture = [&](bool byte_stream, bool with_rest = false) {
    Bytes frame;
    for (const Bytes &unit : {sps, pps, idr, rest}) {
      if (unit == rest && !with_rest)
        break;
      const guint8 last = byte_stream ? 1 : static_cast<guint8>(unit.size());
      frame.insert(frame.end(), {0, 0, 0, last});
      frame.insert(frame.end(), unit.begin(), unit.end());
    }
    return frame;
  };
  Bytes other = picture(true);
  other.back() ^= 1;
  for (const char *mode : {"drop", "known", "pass"}) {
    SCOPED_TRACE(mode);
    const auto decryptor = element_of("e2eedecrypt", raw_provider(1), "livekit");
    decryptor->set("server-frames", mode);
    decryptor->set("server-trailer", "00112233445566");
    decryptor->start("video/x-h264,stream-format=byte-stream,alignment=au");
    const bool passes = std::string(mode) != "drop";
    for (const Bytes &frame : {picture(true), picture(false), picture(true, true)}) {
      decryptor->push(frame);
      const Buffer out = decryptor->pull();
      ASSERT_EQ(out != nullptr, passes);
      if (out) {  // without what stands behind it
        EXPECT_EQ(bytes_of(out.get()), picture(frame != picture(false)));
      }
    }
    EXPECT_EQ(decryptor->stat("server-frames"), 3U);
    decryptor->push(other);
    EXPECT_EQ(decryptor->pull(), nullptr);
    EXPECT_EQ(decryptor->stat("server-frames"), 3U);
    EXPECT_EQ(decryptor->stat("dropped-malformed"), 1U);
  }
}

}  // namespace e2ee::test
