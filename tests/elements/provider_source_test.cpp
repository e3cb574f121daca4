/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where a provider string reads its secret from: files, environment, file descriptors.
#include <fcntl.h>
#include <unistd.h>

#include "files.h"
#include "helpers.h"

namespace elements {
namespace {

void expect_refused(const std::string &text, GstE2EEError code) {
  Error error;
  EXPECT_EQ(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()), nullptr);
  EXPECT_TRUE(error.is(code)) << error.text();
}

TEST(PassphraseFile, OneNewlineIsStripped) {
  for (const auto &[contents, passphrase] : {std::pair<const char *, const char *>{"word", "word"},
                                             {"word\n", "word"},
                                             {"word\r\n", "word"},
                                             {"word\n\n", "word\n"},
                                             {"\nword\n", "\nword"},
                                             {" word \n", " word "},
                                             {"two\nlines", "two\nlines"}}) {
    const KeyFile file("passphrase", contents);
    EXPECT_TRUE(
        same_key(parsed("shared,passphrase-file=" + file.path()), passphrase_provider(passphrase)))
        << passphrase;
  }
}

TEST(PassphraseFile, NothingButANewlineIsEmpty) {
  const KeyFile file("passphrase", "\n");
  expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
}

TEST(PassphraseFile, BinaryIsNoText) {
  const KeyFile file("passphrase", "\xc3\x28\xa0\xa1");
  expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
}

TEST(PassphraseFile, NamesWithCommasAreQuoted) {
  const KeyFile file("a, b", "word");
  EXPECT_TRUE(same_key(parsed("shared,passphrase-file=\"" + file.path() + "\",key-index=0"),
                       passphrase_provider("word")));
}

TEST(AnyFile, HugeIsRefused) {
  const KeyFile file("huge", std::string(64 * 1024 + 1, 'x'));
  expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_LIMIT);
  expect_refused("shared,key-file=" + file.path(), GST_E2EE_ERROR_LIMIT);
}

TEST(AnyFile, EmptyIsRefused) {
  const KeyFile file("empty", "");
  expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
  expect_refused("shared,key-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
}

TEST(AnyFile, ThatWeMayNotReadIsRefused) {
  if (geteuid() == 0)
    GTEST_SKIP() << "root may read everything";
  const KeyFile file("closed", "word", 0);
  expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_IO);
}

TEST(AnyFile, AFifoIsReadToItsEnd) {
  const KeyFile file("plain", "word");
  const std::string fifo = file.path() + ".fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);

  const int held = ::open(fifo.c_str(), O_RDWR | O_NONBLOCK);
  ASSERT_GE(held, 0);
  ASSERT_EQ(write(held, "word\n", 5), 5);
  GThread *closer = g_thread_new(
      "closer",
      [](gpointer fd) -> gpointer {
        sleep_ms(100);
        close(GPOINTER_TO_INT(fd));
        return nullptr;
      },
      GINT_TO_POINTER(held));
  EXPECT_TRUE(same_key(parsed("shared,passphrase-file=" + fifo), passphrase_provider("word")));
  g_thread_join(closer);
  g_unlink(fifo.c_str());
}

TEST(KeyFile, RawBytes) {
  for (gsize size : {16U, 32U, 100U}) {
    std::string key(size, '\0');
    for (gsize i = 0; i < size; ++i)
      key[i] = static_cast<char>(200 + i);
    key.back() = '\n';  // a byte like any other
    const elements::KeyFile file("key.bin", key);
    const Provider same = empty_provider();
    const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(key.data(), size));
    ASSERT_TRUE(gst_e2ee_shared_key_provider_set_key(shared(same), bytes.get(), 0, nullptr));
    EXPECT_TRUE(same_key(parsed("shared,key-file=" + file.path()), same)) << size;
  }
}

TEST(KeyFile, ShortKeysAreRefused) {
  for (gsize size : {1U, 15U}) {
    const elements::KeyFile file("key.bin", std::string(size, 'k'));
    expect_refused("shared,key-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
  }
  const elements::KeyFile hex("key.hex", "00112233445566778899aabbccddee");
  expect_refused("shared,key-file=" + hex.path(), GST_E2EE_ERROR_INVALID_KEY);
}

TEST(KeyFile, Hex) {
  for (const char *text : {"42424242424242424242424242424242", "42424242424242424242424242424242\n",
                           "4242424242424242\n42424242 42424242\n"}) {
    const elements::KeyFile file("key.hex", text);
    const elements::KeyFile raw("key.bin", std::string(16, 'B'));
    EXPECT_TRUE(
        same_key(parsed("shared,key-file=" + file.path()), parsed("shared,key-file=" + raw.path())))
        << text;
  }
}

TEST(KeyFile, BadHexIsRefused) {
  for (const char *text : {"4242424242424242424242424242424g", "424242424242424242424242424242424",
                           "0x42424242424242424242424242424242", "\n"}) {
    const elements::KeyFile file("key.hex", text);
    expect_refused("shared,key-file=" + file.path(), GST_E2EE_ERROR_PARSE);
  }
}

TEST(Environment, HoldsThePassphraseAsItIs) {
  g_setenv("E2EE_TEST_PASSPHRASE", "from the environment", TRUE);
  EXPECT_TRUE(same_key(parsed("shared,passphrase-env=E2EE_TEST_PASSPHRASE"),
                       passphrase_provider("from the environment")));
  g_setenv("E2EE_TEST_PASSPHRASE", "", TRUE);
  expect_refused("shared,passphrase-env=E2EE_TEST_PASSPHRASE", GST_E2EE_ERROR_INVALID_KEY);
  g_unsetenv("E2EE_TEST_PASSPHRASE");
  expect_refused("shared,passphrase-env=E2EE_TEST_PASSPHRASE", GST_E2EE_ERROR_NOT_FOUND);
}

class Pipe {
 public:
  explicit Pipe(const char *text) {
    EXPECT_EQ(pipe(ends_), 0);
    EXPECT_EQ(write(ends_[1], text, strlen(text)), static_cast<ssize_t>(strlen(text)));
    close(ends_[1]);
  }
  ~Pipe() { close(ends_[0]); }
  int fd() const { return ends_[0]; }
  std::string text() const { return "shared,passphrase-fd=" + std::to_string(ends_[0]); }

 private:
  int ends_[2];
};

TEST(FileDescriptor, IsReadOnceForTwoElements) {
  const Pipe secret("through a pipe\n");
  Element encryptor("e2eeencrypt", secret.text());
  Element decryptor("e2eedecrypt", secret.text());
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  const std::optional<Bytes> sealed = encryptor.pass(noise(40, 1));
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(decryptor.pass(*sealed), noise(40, 1));
  EXPECT_EQ(open(passphrase_provider("through a pipe"), kOpus, *sealed), noise(40, 1));
}

TEST(FileDescriptor, ThatIsEmptyIsRefused) {
  const Pipe secret("");
  // A number that no other test has: its text would be that of a provider which may still live.
  const int fd = fcntl(secret.fd(), F_DUPFD, 500);
  ASSERT_GE(fd, 500);
  expect_refused("shared,passphrase-fd=" + std::to_string(fd), GST_E2EE_ERROR_INVALID_KEY);
  close(fd);
}

// ---- what the user is told ----------------------------------------------------------------------

std::vector<std::string> warnings_of(const std::string &text) {
  Element element("e2eeencrypt", text);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  return element.bus().warnings;
}

TEST(Warnings, FilesThatOthersCanRead) {
  for (const char *field : {"passphrase-file", "key-file"}) {
    for (mode_t mode : {0644, 0604}) {
      const elements::KeyFile file("open", std::string(32, 'w'), mode);
      const auto warnings = warnings_of(std::string("shared,") + field + "=" + file.path());
      ASSERT_EQ(warnings.size(), 1U) << field;
      EXPECT_NE(warnings[0].find(field), std::string::npos) << warnings[0];
      EXPECT_NE(warnings[0].find("other"), std::string::npos) << warnings[0];
    }
    for (mode_t mode : {0600, 0400, 0640}) {
      const elements::KeyFile file("closed", std::string(32, 'w'), mode);
      EXPECT_TRUE(warnings_of(std::string("shared,") + field + "=" + file.path()).empty()) << mode;
    }
  }
}

TEST(Warnings, APassphraseInTheTextWarnsOnce) {
  const std::string text = "shared,passphrase=seen-by-ps";
  Element one("e2eeencrypt", text);
  Element two("e2eedecrypt", text);
  std::vector<std::string> warnings;
  for (int i = 0; i < 2; ++i) {
    for (Element *element : {&one, &two}) {
      gst_element_set_state(element->get(), GST_STATE_PLAYING);
      gst_element_set_state(element->get(), GST_STATE_NULL);
      for (const std::string &warning : element->bus().warnings)
        warnings.push_back(warning);
    }
  }
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("passphrase"), std::string::npos);
  EXPECT_EQ(warnings[0].find("seen-by-ps"), std::string::npos) << warnings[0];
}

TEST(Warnings, NoneForSafeSources) {
  g_setenv("E2EE_TEST_PASSPHRASE", "word", TRUE);
  EXPECT_TRUE(warnings_of("shared,passphrase-env=E2EE_TEST_PASSPHRASE").empty());
  g_unsetenv("E2EE_TEST_PASSPHRASE");
  const Pipe secret("word");
  EXPECT_TRUE(warnings_of(secret.text()).empty());
}

}  // namespace
}  // namespace elements
