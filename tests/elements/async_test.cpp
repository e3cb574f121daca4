/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Setters that do not wait.
#include "support/element.h"

namespace e2ee::test {
namespace {

/// Keys that are being set from this thread's main context.
class Setting {
 public:
  explicit Setting(const Provider &provider) : provider_(provider) {}

  void passphrase(const std::string &text, guint index) {
    ++under_way_;
    gst_e2ee_participant_key_provider_set_passphrase_async(
        ring_of(provider_), "alice", text.c_str(), index, nullptr, on_set, this);
  }
  void current(guint index) {
    ++under_way_;
    gst_e2ee_participant_key_provider_set_current_index_async(ring_of(provider_), "alice", index,
                                                              nullptr, on_current, this);
  }
  unsigned under_way() const { return under_way_; }
  const std::vector<int> &errors() const { return errors_; }
  void finish() {
    while (under_way_ != 0)
      g_main_context_iteration(nullptr, TRUE);
  }

 private:
  static void on_set(GObject *, GAsyncResult *result, gpointer self) {
    static_cast<Setting *>(self)->finish_one(
        gst_e2ee_participant_key_provider_set_passphrase_finish, result);
  }
  static void on_current(GObject *, GAsyncResult *result, gpointer self) {
    static_cast<Setting *>(self)->finish_one(
        gst_e2ee_participant_key_provider_set_current_index_finish, result);
  }
  void finish_one(gboolean (*finish)(GstE2EEParticipantKeyProvider *, GAsyncResult *, GError **),
                  GAsyncResult *result) {
    g_autoptr(GError) error = nullptr;
    const bool is_set = finish(ring_of(provider_), result, &error);
    EXPECT_EQ(is_set, error == nullptr);
    if (error != nullptr)
      errors_.push_back(error->code);
    --under_way_;
  }

  const Provider provider_;
  unsigned under_way_ = 0;
  std::vector<int> errors_;
};

}  // namespace

TEST(AsyncSetters, ManyKeysAreUnderWayAtOnceAndEachIsInUseWhenItIsTold) {
  constexpr guint kKeys = 30;
  const Provider provider = new_ring();
  g_object_set(provider.get(), "keyring-size", kKeys, nullptr);
  const End decryptor("e2eedecrypt", provider, "alice");
  Setting setting(provider);
  for (guint index = 0; index < kKeys; ++index)
    setting.passphrase("passphrase " + std::to_string(index), index);
  EXPECT_EQ(setting.under_way(), kKeys);
  EXPECT_EQ(fingerprint(provider, "alice", kKeys - 1), "") << "nobody waited";
  setting.finish();
  EXPECT_TRUE(setting.errors().empty());
  for (guint index = 0; index < kKeys; ++index)
    EXPECT_NE(fingerprint(provider, "alice", index), "") << index;
}

TEST(AsyncSetters, TheLastKeyOfAnIndexStays) {
  const Provider provider = new_ring();
  const Provider last = new_ring();
  set_passphrase(last, "alice", "number 9");
  End encryptor("e2eeencrypt", last, "alice");
  End decryptor("e2eedecrypt", provider, "alice");
  Setting setting(provider);
  for (unsigned i = 0; i < 10; ++i)
    setting.passphrase("number " + std::to_string(i), 0);
  setting.finish();
  EXPECT_EQ(decryptor.pass(encryptor.pass(kPlain).value()), kPlain);
}

// What becomes current is removed before it is derived: the one that was left is current no more.
TEST(AsyncSetters, ACurrentKeyThatIsRemovedLeavesNoneCurrent) {
  for (int i = 0; i < 20; ++i) {
    const Provider provider = new_ring();
    set_key(provider, "alice", 1, 0);
    End encryptor("e2eeencrypt", provider, "alice");
    ASSERT_TRUE(encryptor.pass(kPlain));
    Setting setting(provider);
    setting.passphrase("the next", 1);
    setting.current(1);
    g_usleep(static_cast<gulong>(i) * 100);
    ASSERT_TRUE(
        gst_e2ee_participant_key_provider_remove_key(ring_of(provider), "alice", 1, nullptr));
    setting.finish();
    EXPECT_EQ(encryptor.pass(kPlain), std::nullopt) << i;
  }
}

TEST(AsyncSetters, ErrorsComeWithTheCallback) {
  const Provider provider = new_ring();
  Setting setting(provider);
  setting.passphrase("", 0);
  setting.passphrase("too far", 99);
  setting.current(3);
  EXPECT_EQ(setting.under_way(), 3U) << "not inside the call";
  setting.finish();
  EXPECT_EQ(setting.errors(),
            (std::vector<int>{GST_E2EE_ERROR_INVALID_KEY, GST_E2EE_ERROR_INVALID_INDEX,
                              GST_E2EE_ERROR_NOT_FOUND}));
}

TEST(AsyncSetters, AProviderMayGoBeforeItsKeysAreDerived) {
  bool told = false;
  {
    const Provider provider = new_ring();
    const End decryptor("e2eedecrypt", provider, "alice");
    gst_e2ee_participant_key_provider_set_passphrase_async(
        ring_of(provider), "alice", "meeting", 0, nullptr,
        [](GObject *, GAsyncResult *, gpointer data) { *static_cast<bool *>(data) = true; }, &told);
  }
  while (!told)
    g_main_context_iteration(nullptr, TRUE);
}

}  // namespace e2ee::test
