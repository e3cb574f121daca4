/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GstE2EEKeyMaterial and GstE2EESharedKeyProvider as applications use them.
#include <atomic>
#include <regex>
#include <thread>

#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

BytesRef key_bytes(gsize size) {
  return bytes_ref(Bytes(size, 'k'));
}

// ---- setters ------------------------------------------------------------------------------------

TEST(Setters, RefuseBadKeys) {
  const Provider provider = empty_provider();
  GstE2EESharedKeyProvider *self = shared(provider);
  Error error;
  EXPECT_FALSE(gst_e2ee_shared_key_provider_set_passphrase(self, "", 0, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_KEY)) << error.text();
  EXPECT_FALSE(gst_e2ee_shared_key_provider_set_passphrase(self, "\xff", 0, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_KEY)) << error.text();
  for (gsize size : {0U, 1U, 15U}) {
    EXPECT_FALSE(gst_e2ee_shared_key_provider_set_key(self, key_bytes(size).get(), 0, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_KEY)) << error.text();
  }
  EXPECT_FALSE(gst_e2ee_shared_key_provider_set_passphrase(self, "", 0, nullptr)) << "no GError **";
  EXPECT_EQ(gst_e2ee_key_provider_lookup_current(provider.get(), nullptr, nullptr), nullptr);
}

TEST(Setters, RefuseIndicesOutsideTheRing) {
  const Provider provider = empty_provider();
  GstE2EESharedKeyProvider *self = shared(provider);
  Error error;
  for (guint index : {16U, 255U, 256U, G_MAXUINT}) {
    EXPECT_FALSE(gst_e2ee_shared_key_provider_set_passphrase(self, "x", index, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
    EXPECT_FALSE(
        gst_e2ee_shared_key_provider_set_key(self, key_bytes(16).get(), index, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
    EXPECT_FALSE(gst_e2ee_shared_key_provider_set_current_index(self, index, error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
    const Material material(raw_material(1, index));
    EXPECT_FALSE(gst_e2ee_shared_key_provider_set_material(self, material.get(), error.at()));
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_INDEX)) << error.text();
  }
  g_object_set(self, "keyring-size", 256, nullptr);
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_key(self, key_bytes(16).get(), 255, error.at()))
      << error.text();
}

TEST(Setters, RefuseKeysThatAreNotThere) {
  const Provider provider = raw_provider(1, 2);
  Error error;
  EXPECT_FALSE(gst_e2ee_shared_key_provider_set_current_index(shared(provider), 3, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_NOT_FOUND)) << error.text();
  EXPECT_FALSE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 3, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_NOT_FOUND)) << error.text();
  EXPECT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 2, error.at()));
  EXPECT_FALSE(gst_e2ee_shared_key_provider_remove_key(shared(provider), 2, error.at()));
}

TEST(Setters, RefuseOtherKeySizes) {
  const Provider provider = empty_provider();
  g_object_set(provider.get(), "key-size", 200, nullptr);
  Error error;
  EXPECT_FALSE(gst_e2ee_shared_key_provider_set_passphrase(shared(provider), "x", 0, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION)) << error.text();
}

TEST(Setters, ThreadsThatSetDifferentPropertiesUndoNothing) {
  const Provider provider = empty_provider();
  std::atomic<unsigned> undone{0};
  const auto set_often = [&](const char *property) {
    for (guint round = 0; round < 500'000; ++round) {
      const guint value = round % 64 + 1;
      guint now = 0;
      g_object_set(provider.get(), property, value, nullptr);
      g_object_get(provider.get(), property, &now, nullptr);
      undone += now != value;
    }
  };
  std::thread other([&] { set_often("keyring-size"); });
  set_often("ratchet-window");
  other.join();
  EXPECT_EQ(undone, 0U);
}

TEST(Setters, TheFirstKeyBecomesCurrentAndLaterOnesDoNot) {
  const Provider provider = raw_provider(1, 7);
  set_raw(provider, 2, 3);
  EXPECT_EQ(seal(provider, kOpus, noise(20, 1)).back(), 7);
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_current_index(shared(provider), 3, nullptr));
  EXPECT_EQ(seal(provider, kOpus, noise(20, 1)).back(), 3);
}

TEST(Materials, OptionsAreChecked) {
  Error error;
  EXPECT_EQ(gst_e2ee_key_material_new_passphrase("", 0, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_KEY));
  EXPECT_EQ(gst_e2ee_key_material_new_raw(key_bytes(15).get(), 0, error.at()), nullptr);
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_KEY));
  const Material material(raw_material(1, 5));
  EXPECT_EQ(gst_e2ee_key_material_get_key_id(material.get()), 5U);
  EXPECT_FALSE(gst_e2ee_key_material_set_key_size(material.get(), 192, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION));
  EXPECT_FALSE(gst_e2ee_key_material_set_ratchet_window(material.get(), 65, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION));
  EXPECT_TRUE(gst_e2ee_key_material_set_ratchet_window(material.get(), 64, nullptr));
  EXPECT_TRUE(gst_e2ee_key_material_set_generation(material.get(), 9, nullptr));
  EXPECT_EQ(gst_e2ee_key_material_get_generation(material.get()), 9U);
}

TEST(Materials, AreFixedOnceHandedOut) {
  const Provider provider = empty_provider();
  const Material material(raw_material(1, 0));
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_material(shared(provider), material.get(), nullptr));
  Error error;
  EXPECT_FALSE(gst_e2ee_key_material_set_key_size(material.get(), 256, error.at()));
  EXPECT_TRUE(error.is(GST_E2EE_ERROR_INVALID_OPTION));
  EXPECT_FALSE(gst_e2ee_key_material_set_salt(material.get(), "x", error.at()));
  EXPECT_FALSE(gst_e2ee_key_material_set_kdf(material.get(), GST_E2EE_KDF_PBKDF2, error.at()));
  EXPECT_FALSE(gst_e2ee_key_material_set_generation(material.get(), 1, error.at()));
  EXPECT_FALSE(gst_e2ee_key_material_set_ratchet_window(material.get(), 1, error.at()));
}

TEST(Materials, OwnOptionsComeBeforeTheProviders) {
  const Provider ours = empty_provider();
  g_object_set(ours.get(), "ratchet-salt", "provider's", "key-size", 128, nullptr);
  const Material material(raw_material('k', 0));
  ASSERT_TRUE(gst_e2ee_key_material_set_salt(material.get(), "its own", nullptr));
  ASSERT_TRUE(gst_e2ee_key_material_set_key_size(material.get(), 256, nullptr));
  ASSERT_TRUE(gst_e2ee_shared_key_provider_set_material(shared(ours), material.get(), nullptr));
  const Provider same = empty_provider();
  g_object_set(same.get(), "ratchet-salt", "its own", "key-size", 256, nullptr);
  set_raw(same, 'k', 0);
  EXPECT_TRUE(same_key(ours, same));
}

// ---- keys while frames flow ---------------------------------------------------------------------

class Running : public testing::Test {
 protected:
  void SetUp() override {
    encryptor.start(kOpus);
    decryptor.start(kOpus);
  }
  bool passes() {
    const std::optional<Bytes> sealed = encryptor.pass(kPlain);
    return sealed && decryptor.pass(*sealed) == kPlain;
  }

  const Provider sender = empty_provider();
  const Provider receiver = empty_provider();
  Element encryptor{"e2eeencrypt", sender};
  Element decryptor{"e2eedecrypt", receiver};
};

TEST_F(Running, TheNextFrameUsesANewKey) {
  EXPECT_FALSE(passes());
  for (int round = 0; round < 20; ++round) {
    set_raw(sender, static_cast<guint8>(round), 0);
    set_raw(receiver, static_cast<guint8>(round), 0);
    ASSERT_TRUE(passes()) << round;
    set_raw(sender, static_cast<guint8>(round + 100), 0);
    ASSERT_FALSE(passes()) << "still under the old key";
  }
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
  EXPECT_EQ(decryptor.stat("dropped-auth"), 20U);
}

TEST_F(Running, PassphrasesToo) {
  gst_e2ee_shared_key_provider_set_passphrase(shared(sender), "next", 0, nullptr);
  gst_e2ee_shared_key_provider_set_passphrase(shared(receiver), "next", 0, nullptr);
  EXPECT_TRUE(passes());
}

TEST_F(Running, TheSameKeyAgainChangesNothing) {
  set_raw(sender, 1, 0);
  set_raw(receiver, 1, 0);
  std::vector<Bytes> sealed;
  for (int i = 0; i < 50; ++i) {
    std::optional<Bytes> frame = encryptor.pass(kPlain);
    ASSERT_TRUE(frame.has_value());
    const Bytes iv(frame->end() - 14, frame->end() - 2);
    for (const Bytes &before : sealed)
      ASSERT_NE(before, iv) << "setting the key again rewound the IVs";
    sealed.push_back(iv);
    EXPECT_EQ(decryptor.pass(*frame), kPlain);
    set_raw(sender, 1, 0);
    set_raw(receiver, 1, 0);
  }
}

TEST_F(Running, RotationWithoutALostFrame) {
  set_raw(sender, 1, 0);
  set_raw(receiver, 1, 0);
  for (guint i = 1; i < 64; ++i) {
    set_raw(receiver, static_cast<guint8>(i + 1), i % 16);
    set_raw(sender, static_cast<guint8>(i + 1), i % 16);
    ASSERT_TRUE(passes()) << "announced";
    ASSERT_TRUE(gst_e2ee_shared_key_provider_set_current_index(shared(sender), i % 16, nullptr));
    ASSERT_TRUE(passes()) << "active";
    EXPECT_EQ(encryptor.stat("key-id"), i % 16);
  }
  EXPECT_EQ(decryptor.dropped(), 0U);
}

TEST_F(Running, NothingPassesAfterARemoval) {
  set_raw(sender, 1, 0);
  set_raw(receiver, 1, 0);
  const std::optional<Bytes> sealed = encryptor.pass(kPlain);
  ASSERT_TRUE(sealed && decryptor.pass(*sealed) == kPlain);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(receiver), 0, nullptr));
  EXPECT_EQ(decryptor.pass(*sealed), std::nullopt);
  EXPECT_EQ(decryptor.stat("dropped-missing-key"), 1U);
  ASSERT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(sender), 0, nullptr));
  EXPECT_EQ(encryptor.pass(kPlain), std::nullopt);
  EXPECT_EQ(encryptor.stat("dropped-missing-key"), 1U);
  set_raw(receiver, 1, 0);
  EXPECT_EQ(decryptor.pass(*sealed), kPlain);
}

// A thread pushes all the time; a frame that went in after the removal had returned must not come
// out, whatever was under way.
TEST_F(Running, NothingPassesAfterARemovalUnderLoad) {
  set_raw(sender, 1, 0);
  set_raw(receiver, 1, 0);
  const std::optional<Bytes> sealed = encryptor.pass(kPlain);
  ASSERT_TRUE(sealed.has_value());
  std::atomic<bool> stop{false};
  std::atomic<bool> removed{false};
  std::atomic<unsigned> passed{0};
  std::atomic<unsigned> too_late{0};
  std::thread pusher([&] {
    while (!stop) {
      const bool after = removed;
      const bool out = decryptor.pass(*sealed).has_value();
      // `removed` still set: the key has not come back meanwhile.
      too_late += out && after && removed;
      passed += out;
    }
  });
  for (int round = 0; round < 100; ++round) {
    const unsigned before = passed;
    EXPECT_TRUE(wait_for([&] { return passed > before; })) << round;
    EXPECT_TRUE(gst_e2ee_shared_key_provider_remove_key(shared(receiver), 0, nullptr));
    removed = true;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
    removed = false;
    set_raw(receiver, 1, 0);
  }
  stop = true;
  pusher.join();
  EXPECT_EQ(too_late, 0U);
}

TEST_F(Running, SignalsSayWhatChanged) {
  std::vector<std::string> seen;
  for (const char *name : {"key-changed", "key-removed"}) {
    auto on_signal = +[](GstE2EEKeyProvider *, const gchar *participant, guint64 id,
                         std::vector<std::string> *out) {
      out->push_back((participant ? participant : "-") + std::to_string(id));
    };
    g_signal_connect(receiver.get(), name, G_CALLBACK(on_signal), &seen);
  }
  set_raw(receiver, 1, 4);
  gst_e2ee_shared_key_provider_set_current_index(shared(receiver), 4, nullptr);
  gst_e2ee_shared_key_provider_remove_key(shared(receiver), 4, nullptr);
  EXPECT_EQ(seen, (std::vector<std::string>{"-4", "-4", "-4"}));
}

// ---- fingerprints -------------------------------------------------------------------------------

std::string fingerprint(const Provider &provider, guint64 id) {
  // Derived once an element uses it.
  Element element("e2eedecrypt", provider);
  element.start(kOpus);
  const Text text(gst_e2ee_key_provider_get_fingerprint(provider.get(), nullptr, id));
  return text ? text.get() : "";
}

TEST(Fingerprints, NoneUntilDerived) {
  const Provider provider = raw_provider(1);
  EXPECT_FALSE(Text(gst_e2ee_key_provider_get_fingerprint(provider.get(), nullptr, 0)));
  EXPECT_NE(fingerprint(provider, 0), "");
  EXPECT_EQ(fingerprint(provider, 1), "");
}

TEST(Fingerprints, AreGroupsOfHexWith80Bits) {
  const std::string text = fingerprint(raw_provider(1), 0);
  EXPECT_TRUE(std::regex_match(text, std::regex("[0-9a-f]+([ :-][0-9a-f]+)+"))) << text;
  const auto digits =
      std::count_if(text.begin(), text.end(), [](char c) { return g_ascii_isxdigit(c); });
  EXPECT_EQ(digits, 20) << text;
}

TEST(Fingerprints, DifferByKeyIndexAndOptions) {
  const Provider longer = empty_provider();
  g_object_set(longer.get(), "key-size", 256, nullptr);
  set_raw(longer, 1, 0);
  const Provider later = empty_provider();
  const Material material(raw_material(1, 0));
  gst_e2ee_key_material_set_generation(material.get(), 3, nullptr);
  gst_e2ee_shared_key_provider_set_material(shared(later), material.get(), nullptr);
  const std::string texts[] = {fingerprint(raw_provider(1), 0), fingerprint(raw_provider(2), 0),
                               fingerprint(raw_provider(1, 3), 3), fingerprint(longer, 0),
                               fingerprint(later, 0)};
  for (gsize i = 0; i < std::size(texts); ++i) {
    EXPECT_NE(texts[i], "");
    for (gsize k = 0; k < i; ++k)
      EXPECT_NE(texts[i], texts[k]) << i << " and " << k;
  }
  EXPECT_EQ(texts[0], fingerprint(raw_provider(1), 0)) << "the same key, the same fingerprint";
}

TEST(Fingerprints, GoWithTheKey) {
  const Provider provider = raw_provider(1);
  Element element("e2eedecrypt", provider);
  element.start(kOpus);
  EXPECT_TRUE(Text(gst_e2ee_key_provider_get_fingerprint(provider.get(), nullptr, 0)));
  gst_e2ee_shared_key_provider_remove_key(shared(provider), 0, nullptr);
  EXPECT_FALSE(Text(gst_e2ee_key_provider_get_fingerprint(provider.get(), nullptr, 0)));
  EXPECT_EQ(element.text_stat("key-fingerprint"), "");
}

}  // namespace
}  // namespace e2ee::test
