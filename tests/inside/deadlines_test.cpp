/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What elements do at a time goes by the library's clock.
#include <atomic>

#include "elements/badframes.h"
#include "inside.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using e2ee::Clock;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Deadlines : public BadFrames {
 protected:
  void start(guint64 key_wait = 0) {
    g_object_set(decryptor.get(), "key-wait", key_wait, nullptr);
    decryptor.start(kVp8);
    decryptor.key_unit_requests();
  }
  std::size_t warnings() { return decryptor.bus().warnings.size(); }
};

TEST_F(Deadlines, HeldFramesAreGivenUpAfterKeyWait) {
  start(3600 * GST_SECOND);
  decryptor.push(unknown_key);
  Clock::advance_for_tests(minutes(59));
  decryptor.push(unknown_key);  // the task looks at the clock when something comes
  let_workers_finish();
  EXPECT_EQ(decryptor.stat("held"), 2U);
  Clock::advance_for_tests(minutes(2));
  decryptor.push(unknown_key);
  EXPECT_TRUE(wait_for([&] { return decryptor.stat("dropped-held") == 1; }));
  EXPECT_EQ(decryptor.stat("held"), 2U);
}

TEST_F(Deadlines, AStateIsToldOnceASecond) {
  start();
  bad(forged);
  EXPECT_EQ(decryptor.bus().total("decryption-failed"), 1U);
  bad(forged);
  EXPECT_EQ(decryptor.bus().total("decryption-failed"), 0U);
  Clock::advance_for_tests(seconds(1));
  bad(forged);
  EXPECT_EQ(decryptor.bus().total("decryption-failed"), 2U);
}

TEST_F(Deadlines, AKeyUnitIsAskedForOnceInHalfASecond) {
  start();
  for (unsigned round = 0; round < 3; ++round) {
    bad(forged);
    good();
    EXPECT_EQ(decryptor.key_unit_requests(), 1U);
    Clock::advance_for_tests(milliseconds(500));
  }
}

TEST_F(Deadlines, UseOfAKeyIsToldEachTenSeconds) {
  std::atomic<guint64> frames{0};
  const auto note = +[](GstE2EEKeyProvider *, GstStructure *use, std::atomic<guint64> *to) {
    guint64 value = 0;
    if (g_strcmp0(gst_structure_get_string(use, "direction"), "decrypt") == 0 &&
        gst_structure_get_uint64(use, "frames", &value))
      *to += value;
  };
  const gulong handler = g_signal_connect(provider.get(), "key-used", G_CALLBACK(note), &frames);
  start();
  good();
  good();
  Clock::advance_for_tests(seconds(10));
  good();
  EXPECT_TRUE(wait_for([&] { return frames >= 2; }));
  EXPECT_EQ(frames, 2U);
  g_signal_handler_disconnect(provider.get(), handler);
}

TEST_F(Deadlines, WarningsComeAgainAfterARecoveryAndAMinute) {
  start();
  bad(forged);
  EXPECT_EQ(warnings(), 1U);
  Clock::advance_for_tests(minutes(10));
  bad(forged);
  EXPECT_EQ(warnings(), 0U);
  good();
  bad(forged);
  EXPECT_EQ(warnings(), 1U);
  Clock::advance_for_tests(seconds(50));
  good();
  bad(forged);
  EXPECT_EQ(warnings(), 0U);
  Clock::advance_for_tests(seconds(10));
  bad(forged);
  EXPECT_EQ(warnings(), 1U) << "still failing a minute later, which was not told yet";
}

}  // namespace
}  // namespace e2ee::test
