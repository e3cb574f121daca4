/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys and ratchets as the clients of LiveKit, RealtimeKit and Jitsi derived them, through provider
// and elements. The frames are made and read with the peer's key and OpenSSL alone.
#include "support/cipher.h"
#include "support/element.h"
#include "support/records.h"

namespace e2ee::test {
namespace {

constexpr std::size_t kClear = 1;  // of Opus

class KeySchedule : public OfVector<vectors::Record> {
 protected:
  void SetUp() override {
    OfVector::SetUp();
    ASSERT_GE(record().steps.size(), 2U);
    ASSERT_EQ(record().ring_slot, record().key.slot());
    // No search, so that nothing but ratchet() brings the next key.
    set_ring(provider_, record().key);
    g_object_set(provider_.get(), "ratchet-window", 0, nullptr);
    ASSERT_TRUE(set_key(provider_, record().key));
  }

  guint slot() const { return record().key.slot(); }
  std::unique_ptr<Element> make(const char *factory) const {
    auto element = element_of(factory, provider_, record().scheme);
    element->start(kOpus);
    return element;
  }
  void ratchet() const {
    Error error;
    ASSERT_TRUE(gst_e2ee_shared_key_provider_ratchet(shared(provider_), slot(), error.at()))
        << error.text();
  }

  const Provider provider_ = empty_provider();
};

}  // namespace

TEST_P(KeySchedule, FramesUnderThePeersKeyOfEachStepAreDecrypted) {
  const auto decryptor = make("e2eedecrypt");
  unsigned generation = 0;
  for (const vectors::Step &step : record().steps) {
    SCOPED_TRACE(step.ratchets);
    ASSERT_EQ(step.ratchets, generation);
    const Bytes sealed = sealed_by_hand(step.key, slot(), kPlain, kClear);
    if (generation > 0) {
      EXPECT_EQ(decryptor->pass(sealed), std::nullopt) << "before the step";
      ratchet();
    }
    EXPECT_EQ(decryptor->pass(sealed), kPlain);
    EXPECT_EQ(decryptor->stat("generation"), generation);
    EXPECT_EQ(decryptor->stat("key-id"), slot());
    ++generation;
  }
  EXPECT_EQ(decryptor->stat("frames-out"), generation);
  EXPECT_EQ(decryptor->stat("dropped-auth"), generation - 1);
}

TEST_P(KeySchedule, FramesOfEachStepAreEncryptedUnderThePeersKey) {
  const auto encryptor = make("e2eeencrypt");
  for (const vectors::Step &step : record().steps) {
    SCOPED_TRACE(step.ratchets);
    if (step.ratchets > 0)
      ratchet();
    const std::optional<Bytes> sealed = encryptor->pass(kPlain);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->back(), slot());
    EXPECT_EQ(opened_by_hand(step.key, *sealed, kClear), kPlain) << "by the peer's key";
  }
}

INSTANTIATE_TEST_SUITE_P(Vectors, KeySchedule,
                         testing::ValuesIn(vectors::load({"livekit-keyschedule.json",
                                                          "realtimekit-keyschedule.json",
                                                          "jitsi-keyschedule.json"})),
                         kIdOfRecord);

}  // namespace e2ee::test
