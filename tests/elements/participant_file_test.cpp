/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A keys file that is loaded again: whom it names, and who is gone.
#include "support/element.h"
#include "support/files.h"

namespace e2ee::test {

TEST(ParticipantFile, SaysWhichFileItIsAndWhoHasAKey) {
  const auto file_of = [](const Provider &provider) {
    gchar *path = nullptr;
    g_object_get(provider.get(), "keys-file", &path, nullptr);
    const Text owned(path);
    return std::string(path ? path : "(none)");
  };
  const auto participants = [](const Provider &provider) {
    gchar **found = gst_e2ee_participant_key_provider_get_participants(ring_of(provider));
    const Text text(g_strjoinv(" ", found));
    g_strfreev(found);
    return std::string(text.get());
  };
  const Provider provider = new_ring();
  EXPECT_EQ(file_of(provider), "(none)");
  EXPECT_EQ(participants(provider), "");
  const KeyFile file("keys.ini",
                     "[bob]\nkey=000102030405060708090a0b0c0d0e0f\n[alice]\npassphrase=x\n");
  ASSERT_TRUE(gst_e2ee_participant_key_provider_load_keys_file(ring_of(provider),
                                                               file.path().c_str(), nullptr));
  EXPECT_EQ(file_of(provider), file.path());
  EXPECT_EQ(participants(provider), "alice bob");
  EXPECT_TRUE(gst_e2ee_participant_key_provider_remove_key(ring_of(provider), "bob", 0, nullptr));
  EXPECT_EQ(participants(provider), "alice");
  EXPECT_FALSE(gst_e2ee_participant_key_provider_load_keys_file(ring_of(provider), "/no/such/file",
                                                                nullptr));
  EXPECT_EQ(file_of(provider), "/no/such/file") << "to look at again";
  EXPECT_EQ(participants(provider), "alice");
  const Provider from_string = own(gst_e2ee_key_provider_new_from_string(
      ("participant,keys-file=" + file.path()).c_str(), nullptr));
  EXPECT_EQ(file_of(from_string), file.path());
}

TEST(ParticipantFile, AnotherFileIsNotifiedAndTheSameAgainIsNot) {
  const KeyFile one("one.ini", "[alice]\nkey=000102030405060708090a0b0c0d0e0f\n");
  const KeyFile two("two.ini", "[alice]\nkey=000102030405060708090a0b0c0d0e0f\n");
  const Provider provider = new_ring();
  unsigned notified = 0;
  const auto count = +[](GObject *, GParamSpec *, unsigned *to) { ++*to; };
  g_signal_connect(provider.get(), "notify::keys-file", G_CALLBACK(count), &notified);
  const auto load = [&](const KeyFile &file) {
    return gst_e2ee_participant_key_provider_load_keys_file(ring_of(provider), file.path().c_str(),
                                                            nullptr);
  };
  ASSERT_TRUE(load(one));
  EXPECT_EQ(notified, 1U);
  ASSERT_TRUE(load(one));
  EXPECT_EQ(notified, 1U);
  ASSERT_TRUE(load(two));
  EXPECT_EQ(notified, 2U);
}

TEST(ParticipantFile, WhoeverHasNoKeyLeftIsToldAsAWhole) {
  const Provider provider = new_ring();
#define KEY "000102030405060708090a0b0c0d0e0f\n"
  EXPECT_TRUE(load(provider, "[alice]\nkey=" KEY "key.1=" KEY "[bob]\nkey=" KEY "[carol]\nkey=" KEY
                             "key.2=" KEY));
  set_key(provider, "bob", 0xb0, 5);
  using Told = std::vector<std::pair<std::string, guint64>>;
  Told told;
  const auto note = +[](GstE2EEKeyProvider *, const char *who, guint64 id, Told *to) {
    to->emplace_back(who, id);
  };
  g_signal_connect(provider.get(), "key-removed", G_CALLBACK(note), &told);
  EXPECT_TRUE(load(provider, "[carol]\nkey=" KEY));
#undef KEY
  g_signal_handlers_disconnect_by_data(provider.get(), &told);
  EXPECT_EQ(told, (Told{{"alice", GST_E2EE_ALL_KEYS}, {"bob", 0}, {"carol", 2}}))
      << "bob has one that was set by call";
}

// Withdrawing the last one is no mistake, but a file that was emptied to be written anew is none
// yet.
TEST(ParticipantFile, R18_OnceItNamedSomeOneWithoutGroupsWithdrawsThemAll) {
  const Provider provider = new_ring();
  const std::string alice = "[alice]\nkey=000102030405060708090a0b0c0d0e0f\n";
  EXPECT_FALSE(load(provider, "# nobody\n")) << "the first time it is a mistake";
  set_key(provider, "carol", 0xca);
  ASSERT_TRUE(load(provider, alice + "[bob]\npassphrase=x\n"));
  EXPECT_FALSE(load(provider, ""));
  EXPECT_FALSE(load(provider, std::string(200, '\0'))) << "as a crash leaves it";
  EXPECT_FALSE(load(provider, "alice\n"));
  EXPECT_TRUE(has_key(provider, "alice") && has_key(provider, "bob"));
  for (const char *nobody : {"# nobody\n", "\n", "# nobody yet\n\n"}) {
    EXPECT_TRUE(load(provider, nobody)) << nobody;
    EXPECT_FALSE(has_key(provider, "alice") || has_key(provider, "bob"));
  }
  EXPECT_TRUE(has_key(provider, "carol")) << "set by call";
  ASSERT_TRUE(load(provider, alice));
  EXPECT_TRUE(has_key(provider, "alice"));
}

// Deriving from new passphrases takes long: nobody who is withdrawn has that time.
TEST(ParticipantFile, R14_ThoseWhoAreGoneGoBeforeOthersCome) {
  const Provider provider = new_ring();
#define KEY "000102030405060708090a0b0c0d0e0f\n"
  EXPECT_TRUE(load(provider, "[rita]\nkey=" KEY "[zoe]\nkey=" KEY));
  using Told = std::vector<std::string>;
  Told told;
  const auto removed = +[](GstE2EEKeyProvider *, const char *who, guint64 id, Told *to) {
    to->push_back(std::string(who) + " -" + (id == GST_E2EE_ALL_KEYS ? "" : std::to_string(id)));
  };
  const auto changed = +[](GstE2EEKeyProvider *, const char *who, guint64 id, Told *to) {
    to->push_back(std::string(who) + " +" + std::to_string(id));
  };
  g_signal_connect(provider.get(), "key-removed", G_CALLBACK(removed), &told);
  g_signal_connect(provider.get(), "key-changed", G_CALLBACK(changed), &told);
  EXPECT_TRUE(load(provider, "[adam]\npassphrase=x\n[rita]\nindex=1\nkey=" KEY));
#undef KEY
  g_signal_handlers_disconnect_by_data(provider.get(), &told);
  EXPECT_EQ(told, (Told{"zoe -", "adam +0", "rita +1", "rita +1", "rita -0"}))
      << "rita, who rotates, always has one";
}

TEST(ParticipantFile, R14_ALoadThatFailsOnItsWayForgetsNoKey) {
  const Provider provider = new_ring();
#define KEY "000102030405060708090a0b0c0d0e0f\n"
  ASSERT_TRUE(load(provider, "[alice]\nkey=" KEY "key.1=" KEY "[bob]\nkey=" KEY));
  // The ring becomes too small once the file was read and its first key set.
  const auto shrink = +[](GstE2EEKeyProvider *ring, const char *, guint64, gpointer) {
    g_object_set(ring, "keyring-size", 1U, nullptr);
  };
  const gulong handler =
      g_signal_connect(provider.get(), "key-changed", G_CALLBACK(shrink), nullptr);
  EXPECT_FALSE(load(provider, "[alice]\npassphrase=new\nkey.3=" KEY));
  g_signal_handler_disconnect(provider.get(), handler);
  g_object_set(provider.get(), "keyring-size", 16U, nullptr);
  EXPECT_FALSE(has_key(provider, "bob"));
  EXPECT_TRUE(has_key(provider, "alice", 1)) << "not reached";
  ASSERT_TRUE(load(provider, "[carol]\nkey=" KEY));
#undef KEY
  for (guint64 id : {0, 1})
    EXPECT_FALSE(has_key(provider, "alice", id)) << id;
}

}  // namespace e2ee::test
