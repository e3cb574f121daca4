/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How often a key may be used: a message from 2^31 frames on, none any more from 2^32 on. Nobody
// can encrypt that many here, so counters start near the limits.
#include <memory>

#include "providerstate.h"
#include "support/element.h"
#include "support/records.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr guint64 kSoftLimit = guint64{1} << 31;
constexpr guint64 kHardLimit = guint64{1} << 32;

void set_key_uses(const Provider &provider, GstE2EEScheme scheme, guint64 uses) {
  const auto binding =
      e2ee::ProviderState::of(provider.get())->bind(*e2ee::scheme_for(scheme, {}), nullptr);
  binding->wait_started(std::chrono::seconds(10));
  const e2ee::KeyRef current = binding->ring()->current;
  ASSERT_NE(current, nullptr);
  current->usage->set_for_tests(uses);
}

/// Keys of their own for each test, since a counter belongs to the key value.
class Limit : public testing::TestWithParam<const char *> {
 protected:
  std::unique_ptr<Element> make(const char *factory, const Provider &provider) const {
    auto element = std::make_unique<Element>(factory, provider);
    element->set("scheme", GetParam());
    element->start(kOpus);
    return element;
  }

  /// A frame encrypted under the key of `provider` in this process is one use, decrypted another.
  void set_uses(const Provider &provider, guint64 uses) const {
    set_key_uses(provider, scheme_of(GetParam()), uses);
  }

  const Bytes plain = noise(40, 1);
};

BusLog expect_state(Element &element, const char *state, guint64 count, guint64 key_id) {
  BusLog log = element.bus();
  const State *told = log.find(state);
  EXPECT_NE(told, nullptr) << state;
  EXPECT_EQ(told != nullptr ? told->count : 0, count);
  EXPECT_EQ(told != nullptr ? told->key_id : 0, key_id);
  EXPECT_TRUE(log.errors.empty()) << "the pipeline goes on";
  return log;
}

}  // namespace

TEST_P(Limit, R4_FromTheSoftLimitOnThereIsAMessageAndFramesPass) {
  const Provider provider = raw_provider(0xa1, 4);
  const auto encryptor = make("e2eeencrypt", provider);
  set_uses(provider, kSoftLimit - 2);
  EXPECT_TRUE(encryptor->pass(plain));
  EXPECT_EQ(encryptor->bus().find("key-limit"), nullptr) << "one frame too early";
  EXPECT_TRUE(encryptor->pass(plain));
  const BusLog log = expect_state(*encryptor, "key-limit", 1, 4);
  ASSERT_EQ(log.warnings.size(), 1U);
  EXPECT_NE(log.warnings[0].find("Key 4"), std::string::npos) << log.warnings[0];
  EXPECT_TRUE(encryptor->pass(plain));
  EXPECT_TRUE(encryptor->bus().warnings.empty()) << "once is enough";
  EXPECT_EQ(encryptor->stat("frames-out"), 3U);
  EXPECT_EQ(encryptor->dropped(), 0U);
}

TEST_P(Limit, R4_TheSoftLimitIsToldOfEachKey) {
  const Provider provider = raw_provider(0xa7, 4);
  const auto encryptor = make("e2eeencrypt", provider);
  set_uses(provider, kSoftLimit);
  EXPECT_TRUE(encryptor->pass(plain));
  set_raw(provider, 0xa8, 5);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_current_index(shared(provider), 5, nullptr));
  set_uses(provider, kSoftLimit);
  EXPECT_TRUE(encryptor->pass(plain));
  EXPECT_TRUE(encryptor->pass(plain));
  const std::vector<std::string> told = encryptor->bus().warnings;
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[0].find("Key 4"), std::string::npos) << told[0];
  EXPECT_NE(told[1].find("Key 5"), std::string::npos) << told[1];
}

TEST_P(Limit, R4_AtTheHardLimitFramesAreDroppedUntilThereIsAnotherKey) {
  const Provider provider = raw_provider(0xa2, 4);
  const auto encryptor = make("e2eeencrypt", provider);
  set_uses(provider, kHardLimit - 1);
  EXPECT_TRUE(encryptor->pass(plain));
  for (unsigned i = 1; i <= 3; ++i) {
    EXPECT_EQ(encryptor->pass(plain), std::nullopt);
    EXPECT_EQ(encryptor->stat("dropped-limit"), i);
  }
  EXPECT_EQ(encryptor->dropped(), 3U);
  EXPECT_EQ(encryptor->stat("frames-out"), 1U);
  EXPECT_EQ(encryptor->stat("passed-plaintext"), 0U);
  guint64 told = 0;
  std::vector<std::string> warnings;
  EXPECT_TRUE(wait_for([&] {
    const BusLog log = encryptor->bus();
    warnings.insert(warnings.end(), log.warnings.begin(), log.warnings.end());
    return (told += log.total("key-limit")) == 4;
  })) << told;
  EXPECT_EQ(warnings.size(), 2U) << "that the key is nearly used up, and that it is";
  set_raw(provider, 0xa3, 5);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_current_index(shared(provider), 5, nullptr));
  EXPECT_TRUE(encryptor->pass(plain));
  expect_state(*encryptor, "ok", 1, 5);
  EXPECT_EQ(encryptor->dropped(), 3U);
}

TEST_P(Limit, R4_HoldsForAKeyValueWhoeverProvidesIt) {
  const auto encryptor = make("e2eeencrypt", raw_provider(0xa4, 1));
  const Provider other = raw_provider(0xa4, 1);
  set_uses(other, kHardLimit);
  EXPECT_EQ(encryptor->pass(plain), std::nullopt);
  EXPECT_EQ(encryptor->stat("dropped-limit"), 1U);
  expect_state(*encryptor, "key-limit", 1, 1);
}

TEST_P(Limit, R4_FramesThatAreOpenedCountAndAreNeverStopped) {
  const Provider provider = raw_provider(0xa5, 2);
  const auto encryptor = make("e2eeencrypt", provider);
  const auto decryptor = make("e2eedecrypt", provider);
  set_uses(provider, 0);
  const std::optional<Bytes> sealed = encryptor->pass(plain);
  ASSERT_TRUE(sealed);
  set_uses(provider, kSoftLimit - 2);
  EXPECT_EQ(decryptor->pass(*sealed), plain);
  EXPECT_EQ(decryptor->bus().find("key-limit"), nullptr);
  EXPECT_EQ(decryptor->pass(*sealed), plain);
  expect_state(*decryptor, "key-limit", 1, 2);
  set_uses(provider, kHardLimit - 1);
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_EQ(decryptor->pass(*sealed), plain);
  EXPECT_EQ(decryptor->dropped(), 0U);
  EXPECT_EQ(encryptor->pass(plain), std::nullopt) << "what was opened has used the key up";
  EXPECT_EQ(encryptor->stat("dropped-limit"), 1U);
}

INSTANTIATE_TEST_SUITE_P(Schemes, Limit,
                         testing::Values("livekit", "realtimekit", "jitsi", "sframe"),
                         [](const auto &test) { return std::string(test.param); });

TEST(DataLimit, R4_MessagesCountWithFramesAndAreRefusedWithAnErrorOfTheirOwn) {
  const Provider provider = raw_provider(0xa6);
  g_autoptr(GstE2EEDataCryptor) data = gst_e2ee_data_cryptor_new(provider.get(), nullptr, nullptr);
  ASSERT_NE(data, nullptr);
  set_key_uses(provider, GST_E2EE_SCHEME_LIVEKIT, kHardLimit - 1);
  const BytesRef text = bytes_ref("hello");
  const auto encrypts = [&](Error &error) {
    GBytes *payload = nullptr;
    GBytes *iv = nullptr;
    guint index = 0;
    const bool done =
        gst_e2ee_data_cryptor_encrypt(data, text.get(), &payload, &iv, &index, error.at());
    g_clear_pointer(&payload, g_bytes_unref);
    g_clear_pointer(&iv, g_bytes_unref);
    return done;
  };
  Error error;
  EXPECT_TRUE(encrypts(error)) << error.text();
  EXPECT_FALSE(encrypts(error));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_LIMIT)) << error.text();
  Element encryptor("e2eeencrypt", provider);
  EXPECT_EQ(encryptor.start(kOpus).pass(noise(40, 1)), std::nullopt);
  EXPECT_EQ(encryptor.stat("dropped-limit"), 1U);
}

}  // namespace e2ee::test
