/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Providers that applications write: which thread they are called on, what they may do there, and
// how they announce and withdraw keys.
#include <thread>

#include "provider_custom.h"
#include "support/custom_provider.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

TEST_F(Custom, KeysArriveBeforeTheFirstFrame) {
  keys->current = keys->lookup = always(1, 0);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  EXPECT_TRUE(encryptor.pass(kPlain).has_value());
  EXPECT_EQ(encryptor.dropped(), 0U);
}

TEST_F(Custom, R9_IsAskedOneCallAtATimeAndNeverWhereFramesStream) {
  keys->current = keys->lookup = always(1, 3);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  for (int i = 0; i < 20; ++i) {
    std::thread([&] {
      const std::optional<Bytes> sealed = encryptor.pass(kPlain);
      ASSERT_TRUE(sealed.has_value());
      decryptor.pass(*sealed);
      Bytes unknown = *sealed;
      unknown.back() = static_cast<guint8>(100 + i);
      EXPECT_EQ(decryptor.pass(unknown), std::nullopt);
      // While this thread lives, no other can have its id.
      wait_for([&] {
        std::lock_guard lock(keys->mutex);
        return !keys->asked.empty() && keys->asked.back().second == 100U + i;
      });
      std::lock_guard lock(keys->mutex);
      EXPECT_EQ(keys->threads.count(std::this_thread::get_id()), 0U);
    }).join();
  }
  EXPECT_EQ(keys->threads.count(std::this_thread::get_id()), 0U);
  EXPECT_EQ(keys->most_inside, 1U) << "asked on two threads at a time";
}

// Two answers that are derived side by side: the latest one counts, whichever ends first.
TEST_F(Custom, LatestAnswerCounts) {
  std::atomic<bool> first{true};
  std::atomic<unsigned> slow{0};
  keys->current = keys->lookup = [&](const std::string &, guint64, GError **) {
    if (first)
      return raw_material(1, 0);
    ++slow;
    return gst_e2ee_key_material_new_passphrase("takes longer", 0, nullptr);
  };
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  const Bytes sealed = sealed_with(1, 0);
  for (int i = 0; i < 20; ++i) {
    const unsigned before = slow;
    first = false;
    gst_e2ee_key_provider_changed(provider.get(), nullptr, 0);
    ASSERT_TRUE(wait_for([&] { return slow > before; })) << "the slower answer is given";
    first = true;
    gst_e2ee_key_provider_changed(provider.get(), nullptr, 0);
    gst_e2ee_key_provider_sync(provider.get());
    ASSERT_EQ(decryptor.pass(sealed), kPlain) << i;
  }
}

TEST_F(Custom, IsAskedForTheKeyThatAFrameNames) {
  keys->lookup = [](const std::string &, guint64 id, GError **) {
    return id == 9 ? raw_material(9, 9) : nullptr;
  };
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  const Bytes sealed = sealed_with(9, 9);
  EXPECT_EQ(decryptor.pass(sealed), std::nullopt) << "nobody could have asked before";
  EXPECT_TRUE(wait_for([&] { return decryptor.pass(sealed) == kPlain; }));
}

TEST_F(Custom, IsToldOfTheParticipant) {
  keys->current = [](const std::string &participant, guint64, GError **) {
    return raw_material(participant == "alice" ? 1 : 2, 0);
  };
  keys->lookup = keys->current;
  Element alice("e2eeencrypt", provider);
  Element bob("e2eeencrypt", provider);
  g_object_set(alice.get(), "participant", "alice", nullptr);
  g_object_set(bob.get(), "participant", "bob", nullptr);
  alice.start(kOpus);
  bob.start(kOpus);
  EXPECT_EQ(open(raw_provider(1), kOpus, alice.pass(kPlain).value_or(Bytes{})), kPlain);
  EXPECT_EQ(open(raw_provider(2), kOpus, bob.pass(kPlain).value_or(Bytes{})), kPlain);
  EXPECT_NE(alice.text_stat("key-fingerprint"), bob.text_stat("key-fingerprint"));

  // With a key for each of them, Bob's stream labelled Alice yields no frame.
  Element wrong("e2eedecrypt", provider);
  g_object_set(wrong.get(), "participant", "alice", nullptr);
  wrong.start(kOpus);
  wait_for([&] { return wrong.pass(alice.pass(kPlain).value_or(Bytes{})) == kPlain; });
  EXPECT_EQ(wrong.pass(bob.pass(kPlain).value_or(Bytes{})), std::nullopt);
  EXPECT_EQ(wrong.stat("dropped-auth"), 1U);
}

// ---- providers that are slow or fail ------------------------------------------------------------

// None of these calls can have waited for the answer: it does not come before they have returned.
TEST_F(Custom, OneThatBlocksDelaysTheStartAndLosesNothingLater) {
  Blocking blocking;
  keys->current = keys->lookup = blocking.lookup(always(1, 0));
  Element encryptor("e2eeencrypt", provider);
  gst_element_set_state(encryptor.get(), GST_STATE_READY);
  gst_element_set_state(encryptor.get(), GST_STATE_PAUSED);
  encryptor.start(kOpus);
  EXPECT_EQ(encryptor.pass(kPlain), std::nullopt);
  EXPECT_EQ(blocking.inside(), 1U);
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
  blocking.open();
  EXPECT_TRUE(wait_for([&] { return encryptor.pass(kPlain).has_value(); }));
}

TEST_F(Custom, AnElementStopsWhileItsProviderBlocks) {
  Blocking blocking;
  keys->current = keys->lookup = blocking.lookup(always(1, 0));
  {
    Element element("e2eedecrypt", provider);
    element.start(kOpus);
    element.pass(sealed_with(1, 0));
  }
  EXPECT_EQ(blocking.inside(), 1U) << "the element is gone, and the look-up goes on";
  blocking.open();
  EXPECT_TRUE(wait_for([&] { return keys->inside == 0; }));
}

TEST_F(Custom, TheProviderMayGoWhileItIsAsked) {
  Blocking blocking;
  auto own_keys = std::make_shared<CustomKeys>();
  own_keys->current = own_keys->lookup = blocking.lookup(always(1, 0));
  {
    Element element("e2eedecrypt", custom_provider(own_keys));
    gst_element_set_state(element.get(), GST_STATE_READY);
    EXPECT_TRUE(wait_for([&] { return blocking.inside() == 1; }));
  }
  blocking.open();
  EXPECT_TRUE(wait_for([&] { return own_keys.use_count() == 1; })) << "never finalised";
}

TEST_F(Custom, NoKeyIsNoErrorForThePipeline) {
  std::atomic<bool> with_error{false};
  keys->current = keys->lookup = [&](const std::string &, guint64, GError **error) {
    if (with_error)
      g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_IO, "the key server is down");
    return static_cast<GstE2EEKeyMaterial *>(nullptr);
  };
  for (bool failing : {false, true}) {
    with_error = failing;
    Element element("e2eedecrypt", provider);
    element.start(kOpus);
    EXPECT_EQ(element.pass(sealed_with(1, 0)), std::nullopt);
    EXPECT_EQ(element.stat("dropped-missing-key"), 1U);
    EXPECT_TRUE(element.bus().errors.empty());
    EXPECT_TRUE(wait_for([&] { return keys->inside == 0; }));
  }
}

TEST_F(Custom, MaterialOfAnotherKeyIsNotUsed) {
  keys->lookup = always(1, 7);
  Element decryptor("e2eedecrypt", provider);
  decryptor.start(kOpus);
  const Bytes sealed = sealed_with(1, 5);
  EXPECT_EQ(decryptor.pass(sealed), std::nullopt);
  EXPECT_TRUE(wait_for([&] { return keys->calls >= 2 && keys->inside == 0; }));
  sleep_ms(50);
  EXPECT_EQ(decryptor.pass(sealed), std::nullopt);
  EXPECT_EQ(decryptor.stat("frames-out"), 0U);
}

TEST_F(Custom, MaterialWithAnIdThatTheSchemeDoesNotHaveIsNotUsed) {
  keys->current = always(1, 256);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  EXPECT_EQ(encryptor.pass(kPlain), std::nullopt);
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
}

TEST_F(Custom, AProviderWithoutVfuncsHasNoKeys) {
  Element element("e2eeencrypt", custom_provider(std::make_shared<CustomKeys>()));
  element.start(kOpus);
  EXPECT_EQ(element.pass(kPlain), std::nullopt);
}

// ---- changed and removed ------------------------------------------------------------------------

TEST_F(Custom, ChangedBringsTheNewKey) {
  std::atomic<guint8> fill{1};
  keys->current =
      keys->lookup = [&](const std::string &, guint64, GError **) { return raw_material(fill, 0); };
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  EXPECT_EQ(open(raw_provider(1), kOpus, encryptor.pass(kPlain).value_or(Bytes{})), kPlain);
  fill = 2;
  gst_e2ee_key_provider_changed(provider.get(), nullptr, 0);
  Element decryptor("e2eedecrypt", raw_provider(2));
  decryptor.start(kOpus);
  EXPECT_TRUE(
      wait_for([&] { return decryptor.pass(encryptor.pass(kPlain).value_or(Bytes{})) == kPlain; }));
}

TEST_F(Custom, ChangedMeansThatTheKeyMayBeGone) {
  std::atomic<bool> there{true};
  keys->current = keys->lookup = while_set(there);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  ASSERT_TRUE(encryptor.pass(kPlain).has_value());
  there = false;
  gst_e2ee_key_provider_changed(provider.get(), nullptr, 0);
  EXPECT_TRUE(wait_for([&] { return !encryptor.pass(kPlain).has_value(); }));
}

TEST_F(Custom, NothingPassesAfterRemoved) {
  std::atomic<bool> there{true};
  keys->current = keys->lookup = while_set(there);
  Element encryptor("e2eeencrypt", provider);
  Element decryptor("e2eedecrypt", provider);
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  for (guint64 id : {guint64{0}, guint64{GST_E2EE_ALL_KEYS}}) {
    there = true;
    gst_e2ee_key_provider_changed(provider.get(), nullptr, 0);
    Bytes sealed;
    ASSERT_TRUE(wait_for([&] {
      sealed = encryptor.pass(kPlain).value_or(Bytes{});
      return decryptor.pass(sealed) == kPlain;
    }));
    there = false;
    gst_e2ee_key_provider_removed(provider.get(), nullptr, id);
    EXPECT_EQ(encryptor.pass(kPlain), std::nullopt);
    EXPECT_EQ(decryptor.pass(sealed), std::nullopt);
  }
}

// The answer to a question that was asked before the removal comes after it.
TEST_F(Custom, AnAnswerFromBeforeTheRemovalIsVoid) {
  Blocking blocking;
  std::atomic<bool> there{true};
  keys->current = keys->lookup = blocking.lookup(while_set(there));
  Element encryptor("e2eeencrypt", provider);
  gst_element_set_state(encryptor.get(), GST_STATE_READY);
  ASSERT_TRUE(wait_for([&] { return blocking.inside() == 1; }));
  there = false;
  gst_e2ee_key_provider_removed(provider.get(), nullptr, 0);
  blocking.open();
  encryptor.start(kOpus);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(encryptor.pass(kPlain), std::nullopt);
    sleep_ms(5);
  }
}

TEST_F(Custom, R12_SetMayBeCalledFromASignalHandler) {
  const Provider ring = empty_provider();
  auto on_missing = +[](GstE2EEKeyProvider *from, const gchar *, guint64 id, gpointer) {
    gst_e2ee_shared_key_provider_set_key(GST_E2EE_SHARED_KEY_PROVIDER(from),
                                         bytes_ref(Bytes(32, 8)).get(), static_cast<guint>(id),
                                         nullptr);
  };
  g_signal_connect(ring.get(), "key-missing", G_CALLBACK(on_missing), nullptr);
  Element decryptor("e2eedecrypt", ring);
  decryptor.start(kOpus);
  const Bytes sealed = sealed_with(8, 2);
  EXPECT_TRUE(wait_for([&] { return decryptor.pass(sealed) == kPlain; }));
}

}  // namespace
}  // namespace e2ee::test
