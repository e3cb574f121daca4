/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A key ring for each participant: whose frames pass, what is taken away, what keys.ini says.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

Provider alice_and_bob() {
  Provider provider = new_ring();
  set_key(provider, "alice", 0xa1);
  set_key(provider, "bob", 0xb0);
  return provider;
}

bool remove(const Provider &provider, const char *who) {
  return gst_e2ee_participant_key_provider_remove(ring_of(provider), who, nullptr);
}

}  // namespace

// ---- whose frames -------------------------------------------------------------------------------

TEST(Participant, R14_R18_NoFramePassesUnderAnotherName) {
  const Provider provider = alice_and_bob();
  for (const auto &[sender, label] : {std::pair{"bob", "alice"}, std::pair{"alice", "bob"}}) {
    End encryptor("e2eeencrypt", provider, sender);
    End honest("e2eedecrypt", provider, sender);
    End mislabelled("e2eedecrypt", provider, label);
    for (unsigned i = 0; i < 30; ++i) {
      const std::optional<Bytes> frame = encryptor.pass(noise(60, i));
      ASSERT_TRUE(frame);
      EXPECT_EQ(honest.pass(*frame), noise(60, i));
      EXPECT_FALSE(mislabelled.pass(*frame)) << sender << " labelled " << label;
    }
    EXPECT_EQ(mislabelled.stat("dropped-auth"), 30U);
    EXPECT_EQ(mislabelled.stat("frames-out"), 0U);
    const BusLog log = mislabelled.bus();
    ASSERT_NE(log.find("decryption-failed"), nullptr);
    EXPECT_EQ(log.find("decryption-failed")->participant, label);
  }
}

// Under an index that only the other has there is no key at all.
TEST(Participant, R14_KeyIndexOfAnotherIsNotLookedUp) {
  const Provider provider = alice_and_bob();
  set_key(provider, "bob", 0xb1, 1);
  ASSERT_TRUE(
      gst_e2ee_participant_key_provider_set_current_index(ring_of(provider), "bob", 1, nullptr));
  End decryptor("e2eedecrypt", provider, "alice");
  EXPECT_FALSE(decryptor.pass(sealed_by("bob", provider, kPlain)));
  EXPECT_EQ(decryptor.stat("dropped-missing-key"), 1U);
}

TEST(Participant, R14_ElementWithoutParticipantSaysWhatToDo) {
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element element(factory, alice_and_bob());
    EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    const BusLog log = element.bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_NE(log.errors[0].find("set participant"), std::string::npos) << log.errors[0];
  }
}

TEST(Participant, R14_UnknownOneIsMissedOnceASecondAndThePipelineLives) {
  struct Missed {
    std::mutex mutex;
    std::map<std::string, unsigned> times;
  } missed;
  const Provider provider = alice_and_bob();
  const auto note = +[](GstE2EEKeyProvider *, const gchar *who, guint64 id, Missed *to) {
    std::lock_guard lock(to->mutex);
    ++to->times[std::string(who ? who : "-") + std::to_string(id)];
  };
  const gulong handler = g_signal_connect(provider.get(), "key-missing", G_CALLBACK(note), &missed);
  Bytes frame = sealed_by("alice", provider, kPlain);
  End decryptor("e2eedecrypt", provider, "carol");
  const gint64 began = g_get_monotonic_time();
  unsigned pushed = 0;
  for (; g_get_monotonic_time() - began < 1500 * G_TIME_SPAN_MILLISECOND; ++pushed) {
    frame.back() = pushed % 2 ? 3 : 0;
    EXPECT_FALSE(decryptor.pass(frame));
    sleep_ms(5);
  }
  const double seconds = static_cast<double>(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
  sleep_ms(50);
  EXPECT_EQ(decryptor.stat("dropped-missing-key"), pushed);
  {
    std::lock_guard lock(missed.mutex);
    EXPECT_EQ(missed.times.size(), 2U);
    for (const char *key : {"carol0", "carol3"}) {
      EXPECT_GE(missed.times[key], 1U) << key;
      EXPECT_LE(missed.times[key], 1 + static_cast<unsigned>(seconds)) << key;
    }
  }
  const BusLog log = decryptor.bus();
  ASSERT_NE(log.find("missing-key"), nullptr);
  EXPECT_EQ(log.find("missing-key")->participant, "carol");
  EXPECT_TRUE(log.errors.empty());
  set_key(provider, "carol", 0xca);
  EXPECT_EQ(decryptor.pass(sealed_by("carol", provider, kPlain)), kPlain);
  g_signal_handler_disconnect(provider.get(), handler);
}

TEST(Participant, R18_IdentityMustNotBeEmpty) {
  const Provider provider = new_ring();
  auto *ring = ring_of(provider);
  const BytesRef bytes = bytes_ref(kPlain);
  g_autoptr(GstE2EEKeyMaterial) material = raw_material(0x01, 0);
  for (const char *who : {"", static_cast<const char *>(nullptr)}) {
    Error e;
    const auto refused = [&](bool result) {
      return !result && e.is(GST_E2EE_ERROR_INVALID_OPTION) &&
             e.text().find("identity") != std::string::npos;
    };
    EXPECT_TRUE(
        refused(gst_e2ee_participant_key_provider_set_passphrase(ring, who, "x", 0, e.at())));
    EXPECT_TRUE(
        refused(gst_e2ee_participant_key_provider_set_key(ring, who, bytes.get(), 0, e.at())));
    EXPECT_TRUE(
        refused(gst_e2ee_participant_key_provider_set_material(ring, who, material, e.at())));
    EXPECT_TRUE(
        refused(gst_e2ee_participant_key_provider_get_material(ring, who, 0, e.at()) != nullptr));
    EXPECT_TRUE(refused(gst_e2ee_participant_key_provider_set_current_index(ring, who, 0, e.at())));
    EXPECT_TRUE(refused(gst_e2ee_participant_key_provider_ratchet(ring, who, 0, e.at())));
    EXPECT_TRUE(refused(gst_e2ee_participant_key_provider_remove_key(ring, who, 0, e.at())));
    EXPECT_TRUE(refused(gst_e2ee_participant_key_provider_remove(ring, who, e.at())));
  }
}

// ---- removal ------------------------------------------------------------------------------------

TEST(ParticipantRemoval, R14_NothingPassesOnceItReturns) {
  for (unsigned round = 0; round < 20; ++round) {
    const Provider provider = alice_and_bob();
    const Bytes frame = sealed_by("alice", provider, kPlain);
    End decryptor("e2eedecrypt", provider, "alice");
    End other("e2eedecrypt", provider, "bob");
    std::atomic<bool> stop{false};
    std::thread frames([&] {
      while (!stop)
        decryptor.pass(frame);
    });
    ASSERT_TRUE(wait_for([&] { return decryptor.stat("frames-out") > 20; }));
    ASSERT_TRUE(remove(provider, "alice"));
    const guint64 passed = decryptor.stat("frames-out");
    const guint64 seen = decryptor.stat("frames-in");
    EXPECT_TRUE(wait_for([&] { return decryptor.stat("frames-in") > seen + 5; })) << round;
    EXPECT_EQ(decryptor.stat("frames-out"), passed) << round;
    stop = true;
    frames.join();
    EXPECT_GT(decryptor.stat("dropped-missing-key"), 0U);
    EXPECT_EQ(other.pass(sealed_by("bob", provider, kPlain)), kPlain) << "Bob stays";
    EXPECT_FALSE(remove(provider, "alice")) << "she is gone already";
  }
}

TEST(ParticipantRemoval, R14_FramesHeldForALateKeyAreDropped) {
  const Provider provider = alice_and_bob();
  const Bytes good = sealed_by("alice", provider, kPlain);
  Bytes unknown = good;
  unknown.back() = 9;
  End decryptor("e2eedecrypt", provider, "alice", kOpus, 60 * GST_SECOND);
  ASSERT_EQ(decryptor.pass(good), kPlain);
  for (const Bytes &frame : {unknown, good, good, unknown, good})
    ASSERT_FALSE(decryptor.pass(frame));
  EXPECT_EQ(decryptor.stat("held"), 5U);
  ASSERT_TRUE(remove(provider, "alice"));
  EXPECT_TRUE(wait_for([&] { return decryptor.stat("held") == 0; }));
  EXPECT_EQ(decryptor.stat("dropped-held") + decryptor.stat("dropped-missing-key"), 5U);
  EXPECT_FALSE(decryptor.pull());
  EXPECT_EQ(decryptor.stat("frames-out"), 1U);
}

// ---- fingerprints, audit, failures --------------------------------------------------------------

TEST(ParticipantFingerprint, R18_IsThatOfIdentityAndGenerationAtBothEnds) {
  const Provider here = new_ring();
  const Provider there = new_ring();
  for (const Provider &each : {here, there}) {
    for (const char *who : {"alice", "bob"})
      set_key(each, who, 0x77);
  }
  EXPECT_EQ(fingerprint(here, "alice"), "") << "nobody has it derived yet";
  End encryptor("e2eeencrypt", here, "alice");
  End decryptor("e2eedecrypt", there, "alice");
  End bob("e2eedecrypt", there, "bob");
  const std::string first = fingerprint(here, "alice");
  EXPECT_NE(first, "");
  EXPECT_EQ(fingerprint(there, "alice"), first);
  EXPECT_EQ(encryptor.text_stat("key-fingerprint"), first);
  EXPECT_EQ(decryptor.text_stat("key-fingerprint"), first);
  EXPECT_NE(fingerprint(there, "bob"), "");
  EXPECT_NE(fingerprint(there, "bob"), first) << "the same key under another name";
  for (const Provider &each : {here, there})
    ratchet(each, "alice");
  EXPECT_NE(fingerprint(here, "alice"), first);
  EXPECT_EQ(fingerprint(there, "alice"), fingerprint(here, "alice"));
}

TEST(ParticipantAudit, R18_KeyUsedTellsWhoUsedWhatHowOften) {
  struct Uses {
    std::mutex mutex;
    std::vector<Structure> all;
  } uses;
  const Provider sending = alice_and_bob();
  const Provider provider = alice_and_bob();
  const auto note = +[](GstE2EEKeyProvider *, const GstStructure *use, Uses *to) {
    std::lock_guard lock(to->mutex);
    to->all.emplace_back(gst_structure_copy(use));
  };
  g_signal_connect(provider.get(), "key-used", G_CALLBACK(note), &uses);
  g_signal_connect(sending.get(), "key-used", G_CALLBACK(note), &uses);
  const gint64 before = g_get_real_time() - G_USEC_PER_SEC;  // the clock of this is coarse
  std::string print;
  {
    End decryptor("e2eedecrypt", provider, "alice");
    Bytes frame = sealed_by("alice", sending, kPlain);
    print = fingerprint(provider, "alice");
    for (unsigned i = 0; i < 3; ++i)
      ASSERT_TRUE(decryptor.pass(frame));
    frame[20] ^= 1;
    ASSERT_FALSE(decryptor.pass(frame));
  }
  ASSERT_TRUE(wait_for([&] {
    std::lock_guard lock(uses.mutex);
    return uses.all.size() == 2;
  }));
  const gint64 after = g_get_real_time() + G_USEC_PER_SEC;
  std::lock_guard lock(uses.mutex);
  for (const Structure &use : uses.all) {
    const GstStructure *s = use.get();
    const auto number = [s](const char *name) {
      guint64 value = 4711;
      EXPECT_TRUE(gst_structure_get_uint64(s, name, &value)) << name;
      return value;
    };
    const std::string direction = gst_structure_get_string(s, "direction");
    const bool decrypts = direction == "decrypt";
    EXPECT_TRUE(decrypts || direction == "encrypt") << direction;
    EXPECT_STREQ(gst_structure_get_string(s, "participant"), "alice");
    EXPECT_STREQ(gst_structure_get_string(s, "identity"), "key") << "she alone has it";
    EXPECT_EQ(gst_structure_get_string(s, "fingerprint"), print);
    EXPECT_EQ(number("key-id") + number("generation"), 0U);
    EXPECT_EQ(number("frames"), decrypts ? 3U : 1U);
    EXPECT_EQ(number("failures"), decrypts ? 1U : 0U);
    gint64 first = 0;
    gint64 last = 0;
    EXPECT_TRUE(gst_structure_get_int64(s, "first", &first));
    EXPECT_TRUE(gst_structure_get_int64(s, "last", &last));
    EXPECT_TRUE(before < first && first <= last && last < after);
  }
}

TEST(ParticipantAudit, R18_UnderASharedKeyAnIdentityIsOnlyAsserted) {
  const Provider provider = raw_provider(0x51);
  std::mutex mutex;
  std::string identity;
  std::pair<std::mutex *, std::string *> told{&mutex, &identity};
  const auto note = +[](GstE2EEKeyProvider *, const GstStructure *use, decltype(told) *to) {
    std::lock_guard lock(*to->first);
    *to->second = gst_structure_get_string(use, "identity");
  };
  const gulong handler = g_signal_connect(provider.get(), "key-used", G_CALLBACK(note), &told);
  ASSERT_TRUE(End("e2eeencrypt", provider, "alice").pass(kPlain));
  EXPECT_TRUE(wait_for([&] {
    std::lock_guard lock(mutex);
    return !identity.empty();
  }));
  g_signal_handler_disconnect(provider.get(), handler);
  EXPECT_EQ(identity, "asserted");
}

// Nothing is waited for in between: sync() says that all reports have come.
TEST(ParticipantAudit, SyncReturnsWhenAllHasBeenTold) {
  const Provider provider = alice_and_bob();
  std::atomic<unsigned> told{0};
  const auto note = +[](GstE2EEKeyProvider *, const GstStructure *, std::atomic<unsigned> *to) {
    sleep_ms(5);
    ++*to;
  };
  g_signal_connect(provider.get(), "key-used", G_CALLBACK(note), &told);
  for (unsigned i = 1; i <= 20; ++i) {
    sealed_by("alice", provider, kPlain);
    gst_e2ee_key_provider_sync(provider.get());
    ASSERT_EQ(told, i);
  }
  gst_e2ee_key_provider_sync(provider.get());  // with nothing to wait for
  g_signal_handlers_disconnect_by_data(provider.get(), &told);
}

TEST(ParticipantFailures, R9_GoodFramesPassAfterAnyNumberOfBadOnes) {
  const Provider provider = new_ring();
  g_object_set(provider.get(), "failure-tolerance", 4, nullptr);
  set_key(provider, "alice", 0xa1);
  const Bytes good = sealed_by("alice", provider, kPlain);
  Bytes bad = good;
  bad[20] ^= 1;
  End decryptor("e2eedecrypt", provider, "alice");
  for (unsigned failures : {5U, 1U, 50U}) {
    for (unsigned i = 0; i < failures; ++i)
      EXPECT_FALSE(decryptor.pass(bad));
    EXPECT_EQ(decryptor.pass(good), kPlain) << failures;
  }
  EXPECT_EQ(decryptor.stat("dropped-auth"), 56U);
}

}  // namespace e2ee::test
