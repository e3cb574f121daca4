/* SPDX-License-Identifier: LGPL-2.1-or-later */
// An element that starts takes what the file of its provider's text holds then.
#include <glib/gstdio.h>
#include <unistd.h>

#include "support/element.h"
#include "support/files.h"

namespace e2ee::test {
namespace {

std::string keys_ini(const char *key_digit) {
  std::string hex;
  for (unsigned i = 0; i < 32; ++i)
    hex += key_digit;
  return "[alice]\nkey=" + hex + "\n";
}

struct Source {
  const char *name;
  const char *text;  // in front of the file's name
  std::string before, after;
};

void PrintTo(const Source &source, std::ostream *to) {
  *to << source.name;
}

const Source kSources[] = {
    {"Passphrase", "shared,passphrase-file=", "the first", "the second"},
    {"Key", "shared,key-file=", raw('a'), raw('b')},
    {"Keys", "participant,keys-file=", keys_ini("a"), keys_ini("b")},
};

Provider provider_of(const Element &element) {
  gpointer object = nullptr;
  g_object_get(element.get(), "key-provider", &object, nullptr);
  return own(static_cast<GObject *>(object));
}

class Reread : public testing::TestWithParam<Source> {
 protected:
  std::string text() const { return GetParam().text + file.path(); }
  std::unique_ptr<Element> made(const char *factory) const {
    auto element = std::make_unique<Element>(factory, text());
    g_object_set(element->get(), "participant", "alice", nullptr);
    return element;
  }
  std::unique_ptr<Element> started(const char *factory) const {
    auto element = made(factory);
    element->start(kOpus);
    return element;
  }
  static GstStateChangeReturn start_again(Element &element) {
    EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    const GstStateChangeReturn result = gst_element_set_state(element.get(), GST_STATE_PLAYING);
    if (result == GST_STATE_CHANGE_SUCCESS) {
      gst_harness_play(element.harness());
      element.set_caps(kOpus);
    }
    return result;
  }
  void change() { file.replace(GetParam().after); }

  const KeyFile file{"secret", GetParam().before};
};

INSTANTIATE_TEST_SUITE_P(Files, Reread, testing::ValuesIn(kSources),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(Reread, TheElementThatStartsTakesWhatIsThereAndOthersGoOn) {
  auto encryptor = started("e2eeencrypt");
  auto decryptor = started("e2eedecrypt");
  const Provider old = provider_of(*encryptor);
  change();
  EXPECT_EQ(start_again(*encryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_NE(provider_of(*encryptor), old);
  EXPECT_EQ(provider_of(*decryptor), old);
  const std::optional<Bytes> sealed = encryptor->pass(kPlain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(decryptor->pass(*sealed), std::nullopt) << "it goes on as it was";
  EXPECT_EQ(started("e2eedecrypt")->pass(*sealed), kPlain) << "with the same text";
  EXPECT_EQ(start_again(*decryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(decryptor->pass(*sealed), kPlain);
  EXPECT_EQ(provider_of(*encryptor), provider_of(*decryptor)) << "one for those with the same text";
}

TEST_P(Reread, ThatIsTheSameChangesNothing) {
  auto encryptor = started("e2eeencrypt");
  const Provider provider = provider_of(*encryptor);
  file.replace(GetParam().before);
  EXPECT_EQ(start_again(*encryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(provider_of(*encryptor), provider);
}

TEST_P(Reread, AFileThatIsGoneLeavesTheKeysAndIsTold) {
  auto encryptor = started("e2eeencrypt");
  const Provider provider = provider_of(*encryptor);
  encryptor->bus();
  ASSERT_EQ(g_unlink(file.path().c_str()), 0);
  for (unsigned i = 0; i < 2; ++i)
    EXPECT_EQ(start_again(*encryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(provider_of(*encryptor), provider);
  EXPECT_TRUE(encryptor->pass(kPlain));
  const auto warnings = encryptor->bus().warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find(file.path() + ": cannot be read"), std::string::npos) << warnings[0];
}

TEST_P(Reread, AFileThatHoldsNoKeyIsAnError) {
  auto encryptor = started("e2eeencrypt");
  encryptor->bus();
  file.replace("");
  EXPECT_EQ(start_again(*encryptor), GST_STATE_CHANGE_FAILURE);
  const auto errors = encryptor->bus().errors;
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].rfind("key-provider: ", 0), 0U) << errors[0];
  EXPECT_NE(errors[0].find(file.path()), std::string::npos) << errors[0];
  change();
  EXPECT_EQ(start_again(*encryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_TRUE(encryptor->pass(kPlain));
}

TEST_P(Reread, AFileMayComeLater) {
  ASSERT_EQ(g_unlink(file.path().c_str()), 0);
  auto encryptor = made("e2eeencrypt");
  EXPECT_EQ(gst_element_set_state(encryptor->get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  change();
  encryptor->start(kOpus);
  EXPECT_TRUE(encryptor->pass(kPlain));
}

TEST_P(Reread, R6_DowngradeProtectionPassesOn) {
  auto encryptor = started("e2eeencrypt");
  auto decryptor = made("e2eedecrypt");
  decryptor->set("allow-plaintext", "true");
  decryptor->start(kOpus);
  EXPECT_EQ(decryptor->pass(*encryptor->pass(kPlain)), kPlain);
  // Alice, who has encrypted, has no key any more.
  file.replace(std::string(GetParam().name) == "Keys" ? "[bob]\npassphrase=of Bob\n"
                                                      : GetParam().after);
  EXPECT_EQ(start_again(*decryptor), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(decryptor->pass(noise(60, 7)), std::nullopt);
  EXPECT_EQ(decryptor->stat("passed-plaintext"), 0U);
}

TEST_P(Reread, AProviderFromThePipelineToo) {
  const Provider old = parsed(text());
  Element encryptor("e2eeencrypt", Provider());
  g_object_set(encryptor.get(), "participant", "alice", nullptr);
  GstContext *context = gst_e2ee_context_new_key_provider(old.get());
  gst_element_set_context(encryptor.get(), context);
  gst_context_unref(context);
  change();
  encryptor.start(kOpus);
  const std::optional<Bytes> sealed = encryptor.pass(kPlain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(started("e2eedecrypt")->pass(*sealed), kPlain);
}

TEST(RereadText, ThatIsGivenOnceMoreIsAnotherProviderWhenItsFileHasChanged) {
  const KeyFile file("key", raw('a'));
  const std::string text = "shared,key-file=" + file.path();
  const Provider old = parsed(text);
  EXPECT_EQ(parsed(text), old);
  file.replace(raw('b'));
  const Provider now = parsed(text);
  EXPECT_NE(now, old);
  EXPECT_TRUE(same_key(now, raw_provider('b')));
}

// A call that changed keys is not undone, nor is a ratchet.
TEST(RereadText, KeysThatWereSetByCallStayWhileTheFileIsTheSame) {
  const KeyFile file("key", raw('a'));
  const Provider provider = parsed("shared,key-file=" + file.path());
  set_raw(provider, 'c', 0);
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  const std::optional<Bytes> sealed = encryptor.pass(kPlain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(open(raw_provider('c'), kOpus, *sealed), kPlain);
}

// The recorder follows its file itself, on one provider for all elements.
TEST(RereadText, NotWhereTheApplicationLoadsTheFile) {
  const KeyFile file("keys.ini", keys_ini("a"));
  const Provider provider = parsed("participant,keys-file=" + file.path());
  file.replace(keys_ini("b"));
  EXPECT_TRUE(gst_e2ee_participant_key_provider_load_keys_file(ring_of(provider),
                                                               file.path().c_str(), nullptr));
  End encryptor("e2eeencrypt", provider, "alice");
  EXPECT_EQ(provider_of(encryptor), provider);
}

TEST(RereadText, APipeIsReadOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "word", 4), 4);
  close(ends[1]);
  Element encryptor("e2eeencrypt", "shared,passphrase-file=/dev/fd/" + std::to_string(ends[0]));
  close(ends[0]);
  encryptor.start(kOpus);
  const std::optional<Bytes> sealed = encryptor.pass(kPlain);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(open(passphrase_provider("word"), kOpus, *sealed), kPlain);
}

}  // namespace
}  // namespace e2ee::test
