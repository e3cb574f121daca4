/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GstE2EEState messages and requests for key units.
#include <algorithm>

#include "badframes.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr unsigned kInterval = 1000;  // ms between two messages of one state
constexpr unsigned kKeyUnitInterval = 500;

class Messages : public BadFrames {
 protected:
  void SetUp() override {
    decryptor.start(kVp8);
    decryptor.key_unit_requests();
    decryptor.bus();
  }

  const Bytes malformed = Bytes(50, 1);
};

TEST_F(Messages, EachReasonHasItsState) {
  good();
  bad(forged);
  bad(unknown_key);
  bad(malformed);
  const BusLog log = decryptor.bus();
  ASSERT_EQ(log.states.size(), 4U);
  const std::pair<const char *, guint64> expected[] = {
      {"ok", 0}, {"decryption-failed", 0}, {"missing-key", 9}, {"malformed", 0}};
  for (gsize i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(log.states[i].state, expected[i].first);
    EXPECT_EQ(log.states[i].key_id, expected[i].second) << log.states[i].state;
    EXPECT_EQ(log.states[i].count, 1U);
    EXPECT_EQ(log.states[i].participant, "");
  }
  EXPECT_TRUE(log.errors.empty());
}

TEST_F(Messages, NameTheParticipant) {
  Element named("e2eedecrypt", provider);
  g_object_set(named.get(), "participant", "alice", nullptr);
  named.start(kVp8).pass(forged);
  const BusLog log = named.bus();
  ASSERT_EQ(log.states.size(), 1U);
  EXPECT_EQ(log.states[0].participant, "alice");
}

TEST_F(Messages, R10_OneASecondWithACountThatAddsUp) {
  const gint64 began = g_get_monotonic_time();
  unsigned pushed = 0;
  while (g_get_monotonic_time() - began < 2500 * G_TIME_SPAN_MILLISECOND) {
    bad(forged);
    ++pushed;
    sleep_ms(1);
  }
  sleep_ms(kInterval + 300);
  const BusLog log = decryptor.bus();
  EXPECT_GE(log.states.size(), 3U);
  EXPECT_LE(log.states.size(), 4U);
  EXPECT_EQ(log.total("decryption-failed"), pushed);
  EXPECT_EQ(log.states[0].count, 1U);
}

TEST_F(Messages, R10_TheRestIsToldWithoutAnotherFrame) {
  for (int i = 0; i < 50; ++i)
    bad(forged);
  BusLog log = decryptor.bus();
  ASSERT_EQ(log.states.size(), 1U);
  EXPECT_EQ(log.states[0].count, 1U);
  sleep_ms(kInterval / 2);
  EXPECT_TRUE(decryptor.bus().states.empty()) << "less than a second after the last";
  sleep_ms(kInterval / 2 + 300);
  log = decryptor.bus();
  ASSERT_EQ(log.states.size(), 1U);
  EXPECT_EQ(log.states[0].count, 49U);
  sleep_ms(kInterval + 200);
  EXPECT_TRUE(decryptor.bus().states.empty()) << "nothing happened since";
}

TEST_F(Messages, OkOnceWhileAllIsWell) {
  for (int i = 0; i < 100; ++i)
    good();
  sleep_ms(kInterval + 300);
  const BusLog log = decryptor.bus();
  ASSERT_EQ(log.states.size(), 1U);
  EXPECT_EQ(log.states[0].state, "ok");
}

TEST_F(Messages, R10_RecoveryIsTheLastWord) {
  for (int i = 0; i < 3; ++i) {
    bad(forged);
    good();
  }
  sleep_ms(kInterval + 300);
  const BusLog log = decryptor.bus();
  ASSERT_FALSE(log.states.empty());
  EXPECT_EQ(log.states.back().state, "ok");
  EXPECT_EQ(log.total("decryption-failed"), 3U);
}

TEST_F(Messages, R10_FailureIsTheLastWord) {
  for (int i = 0; i < 3; ++i) {
    good();
    bad(forged);
  }
  sleep_ms(kInterval + 300);
  const BusLog log = decryptor.bus();
  ASSERT_FALSE(log.states.empty());
  EXPECT_EQ(log.states.back().state, "decryption-failed");
}

// "ok" waits for its second to be over; when that comes the stream has failed again, and the
// failure was told already.
TEST_F(Messages, AStateThatIsOverIsNotTheLastWord) {
  bad(forged);
  sleep_ms(kInterval / 2);
  good();
  bad(malformed);
  good();
  sleep_ms(kInterval * 7 / 10);
  bad(forged);
  sleep_ms(2 * kInterval);
  const BusLog log = decryptor.bus();
  ASSERT_FALSE(log.states.empty());
  EXPECT_EQ(log.states.back().state, "decryption-failed");
}

TEST_F(Messages, NothingOfAnEarlierRunIsTold) {
  for (int i = 0; i < 5; ++i)
    bad(forged);
  EXPECT_EQ(decryptor.bus().total("decryption-failed"), 1U);
  gst_element_set_state(decryptor.get(), GST_STATE_READY);
  // What was counted since is told as the run ends, and nothing after that.
  EXPECT_EQ(decryptor.bus().total("decryption-failed"), 4U);
  sleep_ms(kInterval + 300);
  EXPECT_TRUE(decryptor.bus().states.empty());
}

TEST_F(Messages, EncryptorTellsOfAMissingKeyAndOfRecovery) {
  const Provider later = empty_provider();
  Element encryptor("e2eeencrypt", later);
  encryptor.start(kVp8);
  EXPECT_EQ(encryptor.pass(plain), std::nullopt);
  set_raw(later, 0x52, 0);
  EXPECT_TRUE(encryptor.pass(plain).has_value());
  const BusLog log = encryptor.bus();
  ASSERT_EQ(log.states.size(), 2U);
  EXPECT_EQ(log.states[0].state, "missing-key");
  EXPECT_EQ(log.states[1].state, "ok");
}

// ---- key units ----------------------------------------------------------------------------------

TEST_F(Messages, R11_AsksForAKeyUnitWhenItRecovers) {
  good();
  EXPECT_EQ(decryptor.key_unit_requests(), 0U);
  bad(forged);
  EXPECT_EQ(decryptor.key_unit_requests(), 0U) << "nothing would come of it yet";
  good();
  EXPECT_EQ(decryptor.key_unit_requests(), 1U);
  good();
  EXPECT_EQ(decryptor.key_unit_requests(), 0U);
}

TEST_F(Messages, R11_AsksAtMostOnceInHalfASecond) {
  const gint64 began = g_get_monotonic_time();
  unsigned asked = 0;
  while (g_get_monotonic_time() - began < 3 * kKeyUnitInterval * G_TIME_SPAN_MILLISECOND) {
    bad(forged);
    good();
    asked += decryptor.key_unit_requests();
    sleep_ms(1);
  }
  const auto elapsed = static_cast<unsigned>((g_get_monotonic_time() - began) / 1000);
  EXPECT_GE(asked, 3U);
  EXPECT_LE(asked, elapsed / kKeyUnitInterval + 1);
}

TEST_F(Messages, R11_NoKeyUnitForAudio) {
  Element audio("e2eedecrypt", provider);
  audio.start(kOpus);
  const Bytes packet = seal(provider, kOpus, noise(40, 3));
  Bytes spoilt = packet;
  spoilt[20] ^= 1;
  EXPECT_EQ(audio.pass(spoilt), std::nullopt);
  EXPECT_TRUE(audio.pass(packet).has_value());
  EXPECT_EQ(audio.key_unit_requests(), 0U);
}

TEST_F(Messages, R11_AsksWhenALateKeyHasCome) {
  const Provider late = empty_provider();
  Element element("e2eedecrypt", late);
  element.start(kVp8);
  EXPECT_EQ(element.pass(sealed), std::nullopt);
  set_raw(late, 0x51, 0);
  EXPECT_EQ(element.pass(sealed), plain);
  EXPECT_TRUE(wait_for([&] { return element.key_unit_requests() == 1; }));
}

}  // namespace
}  // namespace e2ee::test
