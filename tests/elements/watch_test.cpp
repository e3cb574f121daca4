/* SPDX-License-Identifier: LGPL-2.1-or-later */
// watch=true: a provider follows its file, without a main loop.
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "support/element.h"
#include "support/files.h"
#include "support/waiting.h"
#include "watch.h"

namespace e2ee::test {
namespace {

namespace fs = std::filesystem;

/// A watched file and its provider.
class Watch : public testing::Test {
 protected:
  // With the key of this letter.
  static bool takes(const Provider &provider, char fill) {
    return wait_for([&] { return same_key(provider, raw_provider(static_cast<guint8>(fill))); });
  }

  // A change of another file, later than one of ours, has been taken: ours is not going to be.
  static void let_a_later_change_be_taken() {
    const KeyFile other("other", raw('x'));
    const Provider provider = parsed(watching(other.path()));
    other.replace(raw('y'));
    ASSERT_TRUE(takes(provider, 'y'));
  }

  const KeyFile file{"key.bin", raw('a')};
  const Provider provider = parsed(watching(file.path()));
};

class Fd {
 public:
  Fd(const std::string &path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    EXPECT_GE(fd_, 0) << path;
  }
  ~Fd() { close(fd_); }
  void write(const std::string &text) const {
    EXPECT_EQ(::write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

 private:
  int fd_;
};

}  // namespace

// ---- ways to change a file ----------------------------------------------------------------------

TEST_F(Watch, ARename) {
  file.replace(raw('b'));
  EXPECT_TRUE(takes(provider, 'b'));
}

TEST_F(Watch, RewritingInPlace) {
  Fd(file.path(), O_WRONLY | O_TRUNC).write(raw('b'));
  EXPECT_TRUE(takes(provider, 'b'));
}

TEST_F(Watch, ThatIsWrittenInPartsIsTakenWhole) {
  std::atomic<unsigned> changes{0};
  g_signal_connect(provider.get(), "key-changed",
                   G_CALLBACK(+[](GstE2EEKeyProvider *, const char *, guint64,
                                  std::atomic<unsigned> *count) { ++*count; }),
                   &changes);
  {
    const Fd writer(file.path(), O_WRONLY | O_TRUNC);
    writer.write(raw('b'));
    let_a_later_change_be_taken();
    EXPECT_EQ(changes, 0U) << "32 bytes are a key, and the writer has not finished";
    writer.write("and more");
  }
  EXPECT_TRUE(wait_for([&] { return changes == 1; }));
  const KeyFile whole("key.bin", raw('b') + "and more");
  EXPECT_TRUE(same_key(provider, parsed("shared,key-file=" + whole.path())));
  EXPECT_EQ(changes, 1U);
}

TEST_F(Watch, AFileThatGoesAndComes) {
  ASSERT_EQ(g_unlink(file.path().c_str()), 0);
  let_a_later_change_be_taken();
  EXPECT_TRUE(takes(provider, 'a')) << "until then";
  Fd(file.path(), O_WRONLY | O_CREAT).write(raw('b'));
  EXPECT_TRUE(takes(provider, 'b'));
}

TEST_F(Watch, AThousandTimesInARow) {
  for (unsigned i = 0; i < 1000; ++i)
    file.replace(raw(static_cast<char>('c' + i % 20)));
  file.replace(raw('b'));
  EXPECT_TRUE(takes(provider, 'b'));
}

TEST_F(Watch, WhatIsWrittenAllTheTimeIsTakenToo) {
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    for (unsigned i = 0; !enough; ++i) {
      file.replace(raw(i % 2 == 0 ? 'b' : 'c'));
      sleep_ms(20);
    }
  });
  EXPECT_TRUE(wait_for([&] { return !same_key(provider, raw_provider('a')); }));
  enough = true;
  writer.join();
}

// ---- links and folders --------------------------------------------------------------------------

class WatchFolder : public Watch {
 protected:
  WatchFolder() {
    for (const char *version : {"1", "2"})
      fs::create_directory(folder / version);
    put("1/key", 'c');
    put("2/key", 'd');
  }
  ~WatchFolder() override {
    for (const auto &each : fs::directory_iterator(folder)) {
      if (each.path() != file.path())
        fs::remove_all(each);
    }
  }
  void put(const char *name, char fill) const {
    Fd(folder / name, O_WRONLY | O_CREAT | O_TRUNC).write(raw(fill));
  }
  void link(const char *target, const char *name) const {
    fs::create_symlink(target, folder / "next");
    fs::rename(folder / "next", folder / name);
  }

  const fs::path folder = fs::path(file.path()).parent_path();
};

// key -> ..data/key, and ..data -> a folder for each version.
TEST_F(WatchFolder, ThatKubernetesUpdates) {
  link("1", "..data");
  fs::create_symlink("..data/key", folder / "key");
  const Provider mounted = parsed(watching(folder / "key"));
  link("2", "..data");
  EXPECT_TRUE(takes(mounted, 'd'));
}

// As the folder of a unit's credentials is, and one that is mounted elsewhere.
TEST_F(WatchFolder, ThatIsReplacedAsAWhole) {
  const Provider credential = parsed(watching(folder / "1" / "key"));
  fs::rename(folder / "1", folder / "old");
  fs::rename(folder / "2", folder / "1");
  EXPECT_TRUE(takes(credential, 'd'));
}

TEST_F(WatchFolder, TheFileBehindALinkIsRewritten) {
  fs::create_symlink("1/key", folder / "key");
  const Provider linked = parsed(watching(folder / "key"));
  {
    const Fd writer(folder / "1" / "key", O_WRONLY | O_TRUNC);
    writer.write(raw('e'));
    let_a_later_change_be_taken();
    EXPECT_TRUE(takes(linked, 'c')) << "the writer has not finished";
  }
  EXPECT_TRUE(takes(linked, 'e'));
}

// ---- what cannot be used ------------------------------------------------------------------------

struct Fault {
  const char *name;
  void (*make)(const fs::path &);
  const char *says;
};

void PrintTo(const Fault &fault, std::ostream *to) {
  *to << fault.name;
}

void write(const fs::path &path, const std::string &text) {
  Fd(path, O_WRONLY | O_CREAT).write(text);
}

const Fault kFaults[] = {
    {"Missing", [](const fs::path &) {}, "cannot be read"},
    {"Folder", [](const fs::path &path) { fs::create_directory(path); }, "not a regular file"},
    {"Fifo", [](const fs::path &path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); },
     "not a regular file"},
    {"LinkToNowhere", [](const fs::path &path) { fs::create_symlink("nowhere", path); },
     "cannot be read"},
    {"LinkToItself", [](const fs::path &path) { fs::create_symlink("key.bin", path); },
     "cannot be read"},
    {"Empty", [](const fs::path &path) { write(path, ""); }, "is empty"},
    {"Short", [](const fs::path &path) { write(path, "short"); }, "16 bytes"},
    {"Huge", [](const fs::path &path) { write(path, std::string(64 * 1024 + 1, 'x')); },
     "65536 bytes"},
};

class WatchFault : public Watch, public testing::WithParamInterface<Fault> {};

INSTANTIATE_TEST_SUITE_P(Files, WatchFault, testing::ValuesIn(kFaults),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(WatchFault, LeavesTheKeysAndIsToldOnceByARunningElement) {
  Element encryptor("e2eeencrypt", provider);
  encryptor.start(kOpus);
  ASSERT_TRUE(encryptor.pass(kPlain));
  encryptor.bus();
  ASSERT_EQ(g_unlink(file.path().c_str()), 0);
  GetParam().make(file.path());
  // Slow machines may see the file gone before.
  unsigned told = 0;
  EXPECT_TRUE(wait_for([&] {
    EXPECT_TRUE(encryptor.pass(kPlain));
    for (const std::string &warning : encryptor.bus().warnings) {
      EXPECT_NE(warning.find("key-file: " + file.path()), std::string::npos) << warning;
      told += warning.find(GetParam().says) != std::string::npos ? 1 : 0;
    }
    return told != 0;
  }));
  let_a_later_change_be_taken();
  EXPECT_TRUE(encryptor.pass(kPlain));
  EXPECT_TRUE(encryptor.bus().warnings.empty());
  EXPECT_EQ(told, 1U);
  EXPECT_TRUE(same_key(provider, raw_provider('a')));
  fs::remove(file.path());
  file.replace(raw('b'));
  EXPECT_TRUE(takes(provider, 'b'));
  EXPECT_TRUE(encryptor.bus().warnings.empty());
}

TEST(WatchText, ThatCannotBeFollowedIsRefused) {
  const KeyFile file("key.bin", raw('a'));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "word", 4), 4);
  close(ends[1]);
  const std::pair<std::string, GstE2EEError> texts[] = {
      {"shared,watch=yes,key-file=" + file.path(), GST_E2EE_ERROR_INVALID_OPTION},
      {"shared,watch=true,passphrase=word", GST_E2EE_ERROR_INVALID_OPTION},
      {"shared,watch=true,passphrase-fd=3", GST_E2EE_ERROR_INVALID_OPTION},
      {"shared,watch=true,passphrase-file=/dev/fd/" + std::to_string(ends[0]), GST_E2EE_ERROR_IO}};
  for (const auto &[text, code] : texts) {
    Error error;
    EXPECT_EQ(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()), nullptr) << text;
    EXPECT_TRUE(error.is(code)) << error.text();
    EXPECT_NE(error.text().find("watch: "), std::string::npos) << error.text();
  }
  EXPECT_TRUE(parsed("shared,watch=false,key-file=" + file.path()));
  close(ends[0]);
}

// ---- other secrets ------------------------------------------------------------------------------

TEST(WatchPassphrase, IsFollowedWhileElementsPlay) {
  const KeyFile file("passphrase", "the first\n");
  const std::string text = "shared,watch=true,passphrase-file=" + file.path();
  Element encryptor("e2eeencrypt", text);
  Element decryptor("e2eedecrypt", text);
  encryptor.start(kOpus);
  decryptor.start(kOpus);
  const std::string before = encryptor.text_stat("key-fingerprint");
  file.replace("the second\n");
  unsigned lost = 0;
  const auto pass_one = [&] {
    const std::optional<Bytes> sealed = encryptor.pass(kPlain);
    const std::optional<Bytes> opened = sealed ? decryptor.pass(*sealed) : std::nullopt;
    lost += opened == kPlain ? 0 : 1;
  };
  EXPECT_TRUE(wait_for([&] {
    pass_one();
    return encryptor.text_stat("key-fingerprint") != before;
  }));
  for (unsigned i = 0; i < 50; ++i)
    pass_one();
  EXPECT_LE(lost, 1U) << "the one that was on its way as the key changed";
  EXPECT_TRUE(same_key(parsed(text), passphrase_provider("the second")));
}

TEST(WatchKeysFile, ParticipantsComeAndGo) {
  const std::string alice = "[alice]\npassphrase=of Alice\n";
  const KeyFile file("keys.ini", alice + "[bob]\npassphrase=of Bob\n");
  const Provider provider = parsed("participant,watch=true,keys-file=" + file.path());
  End decryptor("e2eedecrypt", provider, "alice");
  const Bytes of_bob = sealed_by("bob", provider, kPlain);
  ratchet(provider, "alice");
  const std::string ratcheted = fingerprint(provider, "alice");
  file.replace(alice + "[dave]\npassphrase=of Dave\n");
  EXPECT_TRUE(wait_for([&] { return has_key(provider, "dave") && !has_key(provider, "bob"); }));
  EXPECT_EQ(End("e2eedecrypt", provider, "bob").pass(of_bob), std::nullopt);
  EXPECT_EQ(fingerprint(provider, "alice"), ratcheted) << "not rewound";
  // Half of it, as it is after the first line.
  file.replace("[alice]\npassphrase=of Alice\n[bo");
  Element element("e2eeencrypt", provider);
  g_object_set(element.get(), "participant", "dave", nullptr);
  element.start(kOpus);
  EXPECT_TRUE(wait_for([&] {
    element.pass(kPlain);
    return !element.bus().warnings.empty();
  }));
  EXPECT_TRUE(has_key(provider, "dave"));
}

}  // namespace e2ee::test
