// SPDX-License-Identifier: LGPL-2.1-or-later
// What can be seen of an encrypted frame without a key; vectors_test.cpp asks the same of the
// peers' frames.
#include "support/element.h"
#include "support/records.h"

namespace e2ee::test {

TEST(PeekFrame, SeesKidAndCounterOfSFrame) {
  for (const char *clear_header : {"scheme", "none"}) {
    Element encryptor("e2eeencrypt", raw_provider(7));
    encryptor.set("scheme", "sframe");
    encryptor.set("clear-header", clear_header);
    const guint64 kid = 0x123456 + (clear_header[0] == 'n');  // counters outlive elements
    g_object_set(encryptor.get(), "sframe-kid", kid, nullptr);
    encryptor.start(kVp8);
    const GstE2EEClearHeader clear =
        clear_header[0] == 'n' ? GST_E2EE_CLEAR_HEADER_NONE : GST_E2EE_CLEAR_HEADER_SCHEME;
    for (guint64 i = 0; i < 20; ++i) {
      const auto sealed = encryptor.pass(i == 0 ? vp8_key(500) : vp8_delta(300));
      ASSERT_TRUE(sealed);
      const auto peeked = peek("sframe", "video/x-vp8", *sealed, clear);
      ASSERT_TRUE(peeked);
      EXPECT_EQ(peeked->key_id, kid);
      EXPECT_EQ(peeked->iv, join({big_endian(kid, 8), big_endian(i, 8)}));
    }
  }
}

TEST(PeekFrame, LooksInFrontOfThePacketTrailer) {
  Element encryptor("e2eeencrypt", raw_provider(7, 5));
  g_object_set(encryptor.get(), "frame-metadata", TRUE, nullptr);
  encryptor.start(kVp8);
  const auto sealed = encryptor.pass(vp8_key(500));
  ASSERT_TRUE(sealed);
  ASSERT_EQ(Bytes(sealed->end() - 4, sealed->end()), (Bytes{'L', 'K', 'T', 'S'}));
  const auto peeked = peek("livekit", "video/x-vp8", *sealed);
  ASSERT_TRUE(peeked);
  EXPECT_EQ(peeked->key_id, 5U);
  constexpr gsize kPacketTrailer = 15;
  const auto iv_end = sealed->end() - kPacketTrailer - 2;
  EXPECT_EQ(peeked->iv, Bytes(iv_end - 12, iv_end));
}

TEST(PeekFrame, SaysNoToWhatIsNoFrame) {
  Bytes frame = noise(100, 1);
  frame[98] = 11;
  EXPECT_FALSE(peek("livekit", "audio/x-opus", frame));
  frame[98] = 12;
  EXPECT_TRUE(peek("livekit", "audio/x-opus", frame));
  EXPECT_FALSE(peek("livekit", "video/x-av1", frame));
  EXPECT_FALSE(peek("jitsi", "video/x-h264", frame));
  for (const char *scheme : {"livekit", "realtimekit", "jitsi", "sframe"}) {
    EXPECT_FALSE(peek(scheme, "audio/x-opus", {}));
    EXPECT_FALSE(peek(scheme, "video/x-vp8", {0x12}));
  }
  EXPECT_FALSE(peek("sframe", "audio/x-opus", {0x88}));  // the KID is cut off
}

TEST(PeekFrame, NeedNotBeToldAnything) {
  const Bytes sealed = seal(raw_provider(7), kOpus, noise(50, 1));
  EXPECT_TRUE(gst_e2ee_peek_frame(GST_E2EE_SCHEME_LIVEKIT, "audio/x-opus",
                                  GST_E2EE_CLEAR_HEADER_SCHEME, buffer_of(sealed).get(), nullptr,
                                  nullptr));
}

}  // namespace e2ee::test
