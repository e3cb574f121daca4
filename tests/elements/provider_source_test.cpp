/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where a provider string reads its secret from: files, environment, file descriptors.
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "support/element.h"
#include "support/files.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

void expect_refused(const std::string &text, GstE2EEError code) {
  Error error;
  EXPECT_EQ(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()), nullptr);
  EXPECT_TRUE(error.is(code)) << error.text();
}

TEST(PassphraseFile, OneNewlineAndAByteOrderMarkAreLeftOut) {
  for (const auto &[contents, passphrase] : {std::pair<const char *, const char *>{"word", "word"},
                                             {"word\n", "word"},
                                             {"word\r\n", "word"},
                                             {"word\n\n", "word\n"},
                                             {"\xef\xbb\xbfword\r\n", "word"},
                                             {"word\xef\xbb\xbf", "word\xef\xbb\xbf"},
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
  for (const char *contents : {"\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n"}) {
    const KeyFile file("passphrase", contents);
    expect_refused("shared,passphrase-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
  }
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
    const KeyFile file("key.bin", key);
    const Provider same = empty_provider();
    ASSERT_TRUE(
        gst_e2ee_shared_key_provider_set_key(shared(same), bytes_ref(key).get(), 0, nullptr));
    EXPECT_TRUE(same_key(parsed("shared,key-file=" + file.path()), same)) << size;
  }
}

TEST(KeyFile, ErrorsNameTheFile) {
  for (const char *name : {"key.bin", "key.hex", "key.b64"}) {
    const KeyFile file(name, "?");
    Error error;
    EXPECT_FALSE(gst_e2ee_key_provider_new_from_string(("shared,key-file=" + file.path()).c_str(),
                                                       error.at()));
    EXPECT_EQ(error.text().rfind("key-file: " + file.path() + ": ", 0), 0U) << error.text();
  }
}

TEST(KeyFile, ShortKeysAreRefused) {
  for (gsize size : {1U, 15U}) {
    const KeyFile file("key.bin", std::string(size, 'k'));
    expect_refused("shared,key-file=" + file.path(), GST_E2EE_ERROR_INVALID_KEY);
  }
  const KeyFile hex("key.hex", "00112233445566778899aabbccddee");
  expect_refused("shared,key-file=" + hex.path(), GST_E2EE_ERROR_INVALID_KEY);
}

TEST(KeyFile, AsText) {
  const std::pair<const char *, std::string> keys[] = {
      {"key.hex", "fbfffe42424242424242424242424242"},
      {"key.hex", "FBFFFE42424242424242424242424242\n"},
      {"key.hex",
       "\xef\xbb\xbf"
       "fbfffe4242424242\r\n42424242 42424242\r\n"},
      {"key.b64", "+//+QkJCQkJCQkJCQkJCQg=="},
      {"key.b64", "+//+QkJCQkJCQkJCQkJCQg==\n"},
      {"key.b64", "+//+QkJCQkJC\nQkJCQkJCQg==\n"},
      {"key.b64", "\xef\xbb\xbf+//+QkJCQkJCQkJCQkJCQg=="},
      {"key.b64", "-__-QkJCQkJCQkJCQkJCQg"},  // as URLs and JSON web keys have it
  };
  const KeyFile raw("key.bin", "\xfb\xff\xfe" + std::string(13, 'B'));
  for (const auto &[name, text] : keys) {
    const KeyFile file(name, text);
    EXPECT_TRUE(
        same_key(parsed("shared,key-file=" + file.path()), parsed("shared,key-file=" + raw.path())))
        << text;
  }
}

TEST(KeyFile, BadTextIsRefused) {
  const std::pair<const char *, const char *> keys[] = {
      {"key.hex", "4242424242424242424242424242424g"},
      {"key.hex", "424242424242424242424242424242424"},
      {"key.hex", "0x42424242424242424242424242424242"},
      {"key.hex", "\n"},
      {"key.b64", "QkJCQkJCQkJCQkJCQkJCQ!=="},
      {"key.b64", "QkJCQkJCQkJCQkJCQkJCQg="},       // one = is lacking
      {"key.b64", "QkJCQkJCQkJCQkJCQkJCQg==QkJC"},  // goes on behind the end
      {"key.b64", "QkJCQkJCQkJCQkJCQkJCQkJCQ"},     // one digit is too few for a byte
      {"key.b64", "QkJCQkJCQkJCQkJCQkJCQh=="},      // bits behind the end
      {"key.b64", "\n"},
  };
  for (const auto &[name, text] : keys) {
    const KeyFile file(name, text);
    Error error;
    EXPECT_EQ(gst_e2ee_key_provider_new_from_string(("shared,key-file=" + file.path()).c_str(),
                                                    error.at()),
              nullptr);
    EXPECT_TRUE(error.is(GST_E2EE_ERROR_PARSE)) << text << ": " << error.text();
  }
}

/// A variable with a name of its own: while a worker still reports on a provider, another with the
/// same text is that one.
class Variable {
 public:
  explicit Variable(const char *value) { g_setenv(name_.c_str(), value, TRUE); }
  ~Variable() { g_unsetenv(name_.c_str()); }
  Variable(const Variable &) = delete;
  Variable &operator=(const Variable &) = delete;
  std::string text() const { return "shared,passphrase-env=" + name_; }

 private:
  static inline unsigned count_ = 0;
  const std::string name_ = "E2EE_TEST_PASSPHRASE_" + std::to_string(++count_);
};

TEST(Environment, HoldsThePassphraseAsItIs) {
  const Variable variable("from the environment");
  EXPECT_TRUE(same_key(parsed(variable.text()), passphrase_provider("from the environment")));
  expect_refused(Variable("").text(), GST_E2EE_ERROR_INVALID_KEY);
  const std::string unset = Variable("of the past").text();
  expect_refused(unset, GST_E2EE_ERROR_NOT_FOUND);
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
      const KeyFile file("open", std::string(32, 'w'), mode);
      const auto warnings = warnings_of(std::string("shared,") + field + "=" + file.path());
      ASSERT_EQ(warnings.size(), 1U) << field;
      EXPECT_EQ(warnings[0].rfind(field + (": " + file.path()) + ": ", 0), 0U) << warnings[0];
      EXPECT_NE(warnings[0].find("other"), std::string::npos) << warnings[0];
    }
    for (mode_t mode : {0600, 0400, 0640}) {
      const KeyFile file("closed", std::string(32, 'w'), mode);
      EXPECT_TRUE(warnings_of(std::string("shared,") + field + "=" + file.path()).empty()) << mode;
    }
  }
}

TEST(Warnings, KeysAsTextInARawKeyFile) {
  const std::string hex = "42fefefefefefefefefefefefefefefe";
  const std::string base64 = "Qv7+/v7+/v7+/v7+/v7+/g==";
  const std::string word = "QkJCQkJCQkJCQkJCQkJCQkJC";  // base64 as well, and that only by chance
  const std::string random = "\xf0\x17" + std::string(14, 'r');
  const struct {
    const char *name;
    std::string contents;
    const char *suffix;  // that the warning names; null: there is none
  } files[] = {{"key.bin", hex, ".hex"},         {"key", hex + "\n", ".hex"},
               {"key.bin", base64, ".b64"},      {"key", base64 + "\n", ".b64"},
               {"key", word + "\n", ".b64"},     {"key", word, nullptr},
               {"key.hex", hex + "\n", nullptr}, {"key.b64", base64 + "\n", nullptr},
               {"key", random, nullptr},         {"key", random + "\n", nullptr}};
  for (const auto &[name, contents, suffix] : files) {
    const KeyFile file(name, contents);
    const auto warnings = warnings_of("shared,key-file=" + file.path());
    ASSERT_EQ(warnings.size(), suffix != nullptr ? 1U : 0U) << contents;
    if (suffix == nullptr)
      continue;
    EXPECT_NE(warnings[0].find(file.path()), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[0].find(suffix), std::string::npos) << warnings[0];
    EXPECT_EQ(warnings[0].find(contents.substr(0, 8)), std::string::npos) << warnings[0];
  }
}

TEST(Warnings, PassphrasesThatEndInWhiteSpace) {
  const std::pair<const char *, unsigned> passphrases[] = {
      {"word\n", 0}, {"word \n", 1}, {"word\n\n", 1}, {"word\t", 1}, {" two words\r\n", 0}};
  for (const auto &[contents, count] : passphrases) {
    const KeyFile file("passphrase", contents);
    const auto warnings = warnings_of("shared,passphrase-file=" + file.path());
    ASSERT_EQ(warnings.size(), count) << contents;
    if (count == 0)
      continue;
    EXPECT_NE(warnings[0].find(file.path()), std::string::npos) << warnings[0];
    EXPECT_EQ(warnings[0].find("word "), std::string::npos) << warnings[0];
  }
  EXPECT_EQ(warnings_of(Variable("word ").text()).size(), 1U);
  const Pipe secret("word\n\n");
  EXPECT_EQ(warnings_of(secret.text()).size(), 1U);
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
  EXPECT_TRUE(warnings_of(Variable("word").text()).empty());
  const Pipe secret("word");
  EXPECT_TRUE(warnings_of(secret.text()).empty());
}

}  // namespace
}  // namespace e2ee::test
