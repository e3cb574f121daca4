/* SPDX-License-Identifier: LGPL-2.1-or-later */
// R23: arguments out of range are refused with an error that says so.
#include "support/custom_provider.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

BytesRef raw_bytes() {
  return bytes_ref(Bytes(32, 0x61));
}

}  // namespace

TEST(Arguments, R23_KdfsThatDoNotExist) {
  const Material material(raw_material(0x61, 0));
  Error error;
  for (const int kdf : {-1, 3, 99, 256, G_MAXINT, G_MININT}) {
    EXPECT_FALSE(
        gst_e2ee_key_material_set_kdf(material.get(), static_cast<GstE2EEKdf>(kdf), error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << kdf;
    EXPECT_NE(error.text().find(std::to_string(kdf)), std::string::npos) << error.text();
  }
  for (const GstE2EEKdf kdf : {GST_E2EE_KDF_AUTO, GST_E2EE_KDF_PBKDF2, GST_E2EE_KDF_HKDF})
    EXPECT_TRUE(gst_e2ee_key_material_set_kdf(material.get(), kdf, error.at())) << error.text();
}

TEST(Arguments, R23_KeySizesThatDoNotExist) {
  const Material material(raw_material(0x61, 0));
  Error error;
  for (const guint bits : {1U, 127U, 129U, 192U, 255U, 257U, G_MAXUINT}) {
    EXPECT_FALSE(gst_e2ee_key_material_set_key_size(material.get(), bits, error.at())) << bits;
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << bits;
  }
  const Provider everyone = empty_provider();
  const Provider each = new_ring();
  for (const guint bits : {129U, 192U, 255U}) {
    g_object_set(everyone.get(), "key-size", bits, nullptr);
    EXPECT_FALSE(
        gst_e2ee_shared_key_provider_set_key(shared(everyone), raw_bytes().get(), 0, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << bits;
    g_object_set(each.get(), "key-size", bits, nullptr);
    EXPECT_FALSE(gst_e2ee_participant_key_provider_set_key(ring_of(each), "alice",
                                                           raw_bytes().get(), 0, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << bits;
    const std::string text = "shared,passphrase=x,key-size=" + std::to_string(bits);
    EXPECT_EQ(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()), nullptr);
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << bits;
  }
}

TEST(Arguments, R23_GenerationsThatWouldWrap) {
  const Material material(raw_material(0x61, 0));
  Error error;
  for (const guint64 generation : {guint64{G_MAXINT64} + 1, guint64{G_MAXUINT64}}) {
    EXPECT_FALSE(gst_e2ee_key_material_set_generation(material.get(), generation, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << generation;
  }
  ASSERT_TRUE(gst_e2ee_key_material_set_generation(material.get(), G_MAXINT64, error.at()));
  const Provider provider = empty_provider();
  ASSERT_TRUE(
      gst_e2ee_shared_key_provider_set_material(shared(provider), material.get(), error.at()))
      << error.text();
  ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(provider), 0, error.at()));
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  ASSERT_TRUE(encryptor.pass(kPlain));
  EXPECT_EQ(encryptor.stat("generation"), guint64{G_MAXINT64} + 1);
}

TEST(Arguments, R23_SaltsThatAreNoText) {
  const Material material(raw_material(0x61, 0));
  Error error;
  EXPECT_FALSE(gst_e2ee_key_material_set_salt(material.get(), "\xff", error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
  EXPECT_TRUE(gst_e2ee_key_material_set_salt(material.get(), "", error.at())) << error.text();
}

TEST(Arguments, R23_TheKeyIdThatStandsForAllKeys) {
  Error error;
  EXPECT_EQ(gst_e2ee_key_material_new_raw(raw_bytes().get(), GST_E2EE_ALL_KEYS, error.at()),
            nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
  EXPECT_EQ(gst_e2ee_key_material_new_passphrase("x", GST_E2EE_ALL_KEYS, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
  const auto keys = std::make_shared<CustomKeys>();
  keys->lookup = [](const std::string &, guint64, GError **) { return raw_material(0x61, 0); };
  EXPECT_EQ(gst_e2ee_key_provider_lookup(custom_provider(keys).get(), nullptr, GST_E2EE_ALL_KEYS,
                                         error.at()),
            nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
  EXPECT_EQ(keys->calls, 0U) << "no provider is asked for it";
}

TEST(Arguments, R23_SchemesThatDoNotExist) {
  const Bytes sealed = seal(raw_provider(0x61), kOpus, kPlain);
  const Buffer frame = buffer_of(sealed);
  const auto peeks = [&](int scheme, int clear_header) {
    return gst_e2ee_peek_frame(static_cast<GstE2EEScheme>(scheme), "audio/x-opus",
                               static_cast<GstE2EEClearHeader>(clear_header), frame.get(), nullptr,
                               nullptr);
  };
  EXPECT_TRUE(peeks(GST_E2EE_SCHEME_LIVEKIT, GST_E2EE_CLEAR_HEADER_SCHEME));
  // 256 is LiveKit's number where only eight bits are looked at.
  for (const int scheme : {-1, 4, 99, 256, G_MAXINT, G_MININT})
    EXPECT_FALSE(peeks(scheme, GST_E2EE_CLEAR_HEADER_SCHEME)) << scheme;
  for (const int clear_header : {-1, 2, 99, 256})
    EXPECT_FALSE(peeks(GST_E2EE_SCHEME_LIVEKIT, clear_header)) << clear_header;
}

TEST(Arguments, R23_KeyIndicesOfMessages) {
  const Provider provider = raw_provider(0x61);
  Error error;
  g_autoptr(GstE2EEDataCryptor) data = gst_e2ee_data_cryptor_new(provider.get(), "", error.at());
  ASSERT_NE(data, nullptr) << error.text();
  for (const guint index : {256U, 70000U, G_MAXUINT}) {
    EXPECT_EQ(gst_e2ee_data_cryptor_decrypt(data, raw_bytes().get(), raw_bytes().get(), index,
                                            error.at()),
              nullptr);
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
  }
}

TEST(Arguments, R23_NoParticipantIsNotAParticipant) {
  Error error;
  EXPECT_EQ(gst_e2ee_data_cryptor_new(new_ring().get(), "", error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
}

}  // namespace e2ee::test
