// SPDX-License-Identifier: LGPL-2.1-or-later
// The keys file of a running recorder: changed, spoilt, withdrawn, brought back.
#include "common/keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "files.h"
#include "support/element.h"
#include "support/main_context.h"

namespace recorder {

using e2ee::test::run_for;
using e2ee::test::run_until;

namespace test = e2ee::test;

using namespace examples;

namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::End;
using test::kPlain;

constexpr char kAlice[] = "[alice]\nkey=000102030405060708090a0b0c0d0e0f\n";
constexpr char kBob[] = "[bob]\npassphrase=of bob\n";
constexpr char kCarol[] = "[carol]\nkey=101112131415161718191a1b1c1d1e1f\n";

struct KeysTest : testing::Test {
  std::unique_ptr<Keys> start(std::chrono::milliseconds grace = 300s,
                              std::chrono::milliseconds alarm_every = 60s) {
    return std::make_unique<Keys>(settings("participant,keys-file=" + path, grace, alarm_every),
                                  events());
  }

  static Keys::Settings settings(const std::string &provider,
                                 std::chrono::milliseconds grace = 300s,
                                 std::chrono::milliseconds alarm_every = 60s) {
    return {.provider = provider,
            .grace = grace,
            .alarm_every = alarm_every,
            .look_every = 50ms,
            .settle = 30ms};
  }

  Keys::Events events() {
    return {
        .reloaded = [this](unsigned count) { told.push_back("reloaded " + std::to_string(count)); },
        .alarm =
            [this](const std::string &text) {
              told.push_back("alarm");
              alarms.push_back(text);
            },
        .recovered = [this] { told.push_back("recovered"); },
        .withdrawn = [this](const std::string &who) { told.push_back("withdrawn " + who); },
        .allowed = [this](const std::string &who) { told.push_back("allowed " + who); }};
  }

  bool wait_for(const std::string &what, long count = 1) {
    return run_until([&] { return std::count(told.begin(), told.end(), what) >= count; });
  }

  bool was_told(const std::string &what) const {
    return std::find(told.begin(), told.end(), what) != told.end();
  }

  // What is on its way has arrived.
  void settle_down() { run_for(500ms); }

  Folder folder;
  const std::string path = folder / "keys.ini";
  std::vector<std::string> told;
  std::vector<std::string> alarms;
};

std::string participants_of(const Keys &keys) {
  gchar **found = gst_e2ee_participant_key_provider_get_participants(
      GST_E2EE_PARTICIPANT_KEY_PROVIDER(keys.provider()));
  const examples::CharPtr text(g_strjoinv(" ", found));
  g_strfreev(found);
  return text.get();
}

std::optional<Bytes> opened(GstE2EEKeyProvider *provider, const char *who, const char *hex) {
  const test::Provider theirs = test::new_ring();
  Bytes key;
  for (const char *at = hex; *at; at += 2)
    key.push_back(static_cast<guint8>(std::stoi(std::string(at, 2), nullptr, 16)));
  test::set_key(theirs, who, key);
  const Bytes frame = test::sealed_by(who, theirs, kPlain);
  const test::Provider ours = test::own(GST_E2EE_PARTICIPANT_KEY_PROVIDER(g_object_ref(provider)));
  return End("e2eedecrypt", ours, who).pass(frame);
}

}  // namespace

TEST_F(KeysTest, AChangedFileIsLoaded) {
  write_file(path, std::string(kAlice) + kBob);
  const auto keys = start();
  EXPECT_EQ(participants_of(*keys), "alice bob");
  settle_down();
  EXPECT_TRUE(told.empty()) << "nothing has changed: " << told[0];
  replace_file(path, std::string(kAlice) + kBob + kCarol);
  ASSERT_TRUE(wait_for("reloaded 3"));
  EXPECT_EQ(opened(keys->provider(), "carol", "101112131415161718191a1b1c1d1e1f"), kPlain);
  replace_file(path, std::string(kAlice) + kCarol);
  ASSERT_TRUE(wait_for("withdrawn bob"));
  ASSERT_TRUE(wait_for("reloaded 2"));
  replace_file(path, std::string(kAlice) + kBob + kCarol);
  ASSERT_TRUE(wait_for("allowed bob"));
  EXPECT_FALSE(was_told("withdrawn alice"));
  EXPECT_FALSE(was_told("allowed carol")) << "she was never withdrawn";
  EXPECT_TRUE(alarms.empty()) << alarms[0];
}

TEST_F(KeysTest, AFileWrittenInPlaceIsLoaded) {
  write_file(path, kAlice);
  const auto keys = start();
  settle_down();
  write_file(path, std::string(kAlice) + kCarol);
  EXPECT_TRUE(wait_for("reloaded 2"));
}

// As Kubernetes swaps a whole folder of secrets.
TEST_F(KeysTest, ALinkThatIsTurnedElsewhereIsFollowed) {
  std::filesystem::create_directory(folder / "1");
  std::filesystem::create_directory(folder / "2");
  write_file(folder / "1/keys.ini", kAlice);
  write_file(folder / "2/keys.ini", std::string(kAlice) + kCarol);
  std::filesystem::create_symlink("1", folder / "..data");
  std::filesystem::create_symlink("..data/keys.ini", path);
  const auto keys = start();
  settle_down();
  std::filesystem::create_symlink("2", folder / "..tmp");
  std::filesystem::rename(folder / "..tmp", folder / "..data");
  EXPECT_TRUE(wait_for("reloaded 2"));
}

TEST_F(KeysTest, AChangeRightAfterTheStartIsSeen) {
  write_file(path, kAlice);
  const std::string text = "participant,keys-file=" + path;
  test::Error error;
  // Two that ask for the same string get the same provider, which read the file long ago.
  const examples::ObjectPtr<GstE2EEKeyProvider> before(
      gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()));
  replace_file(path, std::string(kAlice) + kCarol);
  const auto keys = start();
  EXPECT_TRUE(run_until([&] { return participants_of(*keys) == "alice carol"; }));
}

TEST_F(KeysTest, ASpoiltFileLeavesTheKeysAndRaisesAlarms) {
  write_file(path, std::string(kAlice) + kCarol);
  const auto keys = start(300s, 500ms);
  settle_down();
  replace_file(path, "[alice]\nkey=00\n[carol]\nkey=5ec4e75ec4e75ec4e75ec4e75ec4e75e\n");
  ASSERT_TRUE(wait_for("alarm", 3)) << "again while it lasts";
  for (const char *part : {"keys.ini: [alice] key", "another 300 s"})
    EXPECT_NE(alarms[0].find(part), std::string::npos) << alarms[0];
  EXPECT_EQ(alarms[0].find("5ec4e7"), std::string::npos) << alarms[0];
  EXPECT_EQ(opened(keys->provider(), "alice", "000102030405060708090a0b0c0d0e0f"), kPlain);
  replace_file(path, "[bob]\n");
  const std::size_t before = alarms.size();
  EXPECT_TRUE(run_until(
      [&] { return alarms.size() > before && alarms.back().find("[bob]") != std::string::npos; }));
  replace_file(path, kAlice);
  EXPECT_TRUE(wait_for("recovered"));
  EXPECT_TRUE(wait_for("withdrawn carol"));
  EXPECT_TRUE(was_told("reloaded 1"));
  const std::size_t after = alarms.size();
  settle_down();
  EXPECT_EQ(alarms.size(), after) << "none when it is good again";
  EXPECT_FALSE(was_told("withdrawn alice"));
}

TEST_F(KeysTest, AFileThatIsGoneEndsAllKeysAfterTheGraceTime) {
  write_file(path, std::string(kAlice) + kCarol);
  const auto keys = start(1s);
  settle_down();
  std::filesystem::remove(path);
  ASSERT_TRUE(wait_for("alarm"));
  EXPECT_EQ(participants_of(*keys), "alice carol");
  EXPECT_FALSE(was_told("withdrawn alice"));
  ASSERT_TRUE(wait_for("withdrawn alice"));
  ASSERT_TRUE(wait_for("withdrawn carol"));
  ASSERT_TRUE(wait_for("alarm", 2));
  EXPECT_NE(alarms[1].find("taken away after 1 s"), std::string::npos) << alarms[1];
  EXPECT_NE(alarms[1].find(path), std::string::npos) << alarms[1];
  EXPECT_EQ(participants_of(*keys), "");
  EXPECT_EQ(opened(keys->provider(), "alice", "000102030405060708090a0b0c0d0e0f"), std::nullopt);
  write_file(path, std::string(kAlice) + kCarol);
  ASSERT_TRUE(wait_for("recovered"));
  ASSERT_TRUE(wait_for("allowed alice"));
  ASSERT_TRUE(wait_for("allowed carol"));
  EXPECT_EQ(opened(keys->provider(), "alice", "000102030405060708090a0b0c0d0e0f"), kPlain);
}

TEST_F(KeysTest, TheLastOneCanBeWithdrawnByTheFile) {
  write_file(path, kAlice);
  const auto keys = start();
  settle_down();
  replace_file(path, "# nobody any more\n");
  ASSERT_TRUE(wait_for("withdrawn alice"));
  ASSERT_TRUE(wait_for("reloaded 0"));
  replace_file(path, "\n");
  ASSERT_TRUE(wait_for("reloaded 0", 2));
  replace_file(path, kAlice);
  ASSERT_TRUE(wait_for("allowed alice"));
  EXPECT_TRUE(alarms.empty()) << alarms[0];
}

// As on a network file system that is gone: opening a pipe waits for somebody to write.
TEST_F(KeysTest, AFileThatHangsIsSpoilt) {
  write_file(path, kAlice);
  const auto keys = start(1500ms, 500ms);
  settle_down();
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::rename(folder / "pipe", path);
  ASSERT_TRUE(wait_for("alarm"));
  EXPECT_NE(alarms[0].find(path + ": reading it takes longer than"), std::string::npos)
      << alarms[0];
  EXPECT_EQ(participants_of(*keys), "alice");
  ASSERT_TRUE(wait_for("withdrawn alice"));
  const int pipe = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(pipe, 0) << "nobody reads it";
  replace_file(path, kAlice);
  const std::string text = kCarol;
  EXPECT_EQ(write(pipe, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(pipe);
  ASSERT_TRUE(wait_for("recovered"));
  ASSERT_TRUE(wait_for("allowed alice"));
  EXPECT_TRUE(run_until([&] { return participants_of(*keys) == "alice"; }));
}

// The old file comes back as it was: its time and inode are no news.
TEST_F(KeysTest, TheSameFileMovedAwayAndBackIsGoodAgain) {
  write_file(path, kAlice);
  const auto keys = start();
  settle_down();
  std::filesystem::rename(path, folder / "aside");
  ASSERT_TRUE(wait_for("alarm"));
  std::filesystem::rename(folder / "aside", path);
  EXPECT_TRUE(wait_for("recovered"));
}

TEST_F(KeysTest, WithoutGraceTheKeysGoAtOnce) {
  write_file(path, kAlice);
  const auto keys = start(0s);
  settle_down();
  std::filesystem::remove(path);
  EXPECT_TRUE(wait_for("withdrawn alice"));
}

TEST_F(KeysTest, UnreadableIsSpoilt) {
  if (geteuid() == 0)
    GTEST_SKIP() << "UnreadableIsSpoilt: root reads everything";
  write_file(path, kAlice);
  const auto keys = start();
  settle_down();
  chmod(path.c_str(), 0);
  ASSERT_TRUE(wait_for("alarm"));
  chmod(path.c_str(), 0600);
  EXPECT_TRUE(wait_for("recovered"));
}

// PBKDF2 for many running elements takes long: the main context goes on meanwhile.
TEST_F(KeysTest, ManyPassphrasesDoNotHoldUpTheMainContext) {
  std::string text;
  for (unsigned i = 0; i < 12; ++i)
    text += "[user" + std::to_string(i) + "]\npassphrase=first " + std::to_string(i) + "\n";
  write_file(path, text);
  const auto keys = start();
  std::vector<std::unique_ptr<End>> ends;
  const test::Provider provider =
      test::own(GST_E2EE_PARTICIPANT_KEY_PROVIDER(g_object_ref(keys->provider())));
  for (unsigned i = 0; i < 12; ++i)
    ends.push_back(
        std::make_unique<End>("e2eedecrypt", provider, ("user" + std::to_string(i)).c_str()));
  settle_down();
  for (std::size_t at = 0; (at = text.find("first", at)) != std::string::npos;)
    text.replace(at, 5, "later");
  replace_file(path, text);
  // A turn of the context while the worker derives: the file is loaded in none of them.
  unsigned turns = 0;
  bool changed = false;
  g_signal_connect(
      provider.get(), "key-changed",
      G_CALLBACK(+[](GstE2EEKeyProvider *, const char *, guint64, bool *to) { *to = true; }),
      &changed);
  ASSERT_TRUE(run_until([&] {
    turns += changed;
    return was_told("reloaded 12");
  }));
  EXPECT_GT(turns, 3U);
  g_signal_handlers_disconnect_by_data(provider.get(), &changed);
}

TEST_F(KeysTest, KeysTakenAwayByCallAreTold) {
  write_file(path,
             "[alice]\nkey=000102030405060708090a0b0c0d0e0f\n"
             "key.1=101112131415161718191a1b1c1d1e1f\n");
  const auto keys = start();
  settle_down();  // loading the file again would bring them back
  auto *provider = GST_E2EE_PARTICIPANT_KEY_PROVIDER(keys->provider());
  gst_e2ee_participant_key_provider_remove_key(provider, "alice", 0, nullptr);
  settle_down();
  EXPECT_FALSE(was_told("withdrawn alice")) << "one is left";
  gst_e2ee_participant_key_provider_remove_key(provider, "alice", 1, nullptr);
  EXPECT_TRUE(wait_for("withdrawn alice"));
}

TEST_F(KeysTest, ASharedKeyHasNoFileToWatch) {
  write_file(folder / "passphrase", "secret\n");
  Keys keys(settings("shared,passphrase-file=" + (folder / "passphrase")), events());
  gst_e2ee_shared_key_provider_remove_key(GST_E2EE_SHARED_KEY_PROVIDER(keys.provider()), 0,
                                          nullptr);
  EXPECT_TRUE(wait_for("withdrawn "));
}

TEST_F(KeysTest, ABadStringIsRefusedByFieldAndReason) {
  for (const std::string &text :
       {std::string("participant"), "participant,keys-file=" + path, std::string("nothing,a=b"),
        std::string("shared,passphrase-file=")}) {
    const std::string problem = failure_of([&] { Keys(settings(text), events()); });
    EXPECT_EQ(problem.rfind("--key-provider: ", 0), 0U) << problem;
  }
}

TEST_F(KeysTest, GoneInTheMiddleOfThings) {
  write_file(path, kAlice);
  for (unsigned i = 0; i < 20; ++i) {
    auto keys = start(0s);
    replace_file(path, i % 2 ? kAlice : kCarol);
    for (unsigned turn = 0; turn < i; ++turn)
      g_main_context_iteration(nullptr, FALSE);
    keys.reset();
  }
  told.clear();
  settle_down();
  EXPECT_TRUE(told.empty()) << told[0];
}

}  // namespace recorder
