// SPDX-License-Identifier: LGPL-2.1-or-later
// File names from identities that came over the network.
#include "recorder/names.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "media.h"

namespace {

using recorder::create_file;
using recorder::escape_identity;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

TEST(EscapeIdentity, LeavesUsualNames) {
  EXPECT_EQ(escape_identity("alice"), "alice");
  EXPECT_EQ(escape_identity("bob_2-b@example"), "bob_2-b@example");
}

TEST(EscapeIdentity, LeavesNoPath) {
  EXPECT_EQ(escape_identity("../../etc/passwd"), "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd");
  EXPECT_EQ(escape_identity("."), "%2E");
  EXPECT_EQ(escape_identity(".."), "%2E%2E");
  EXPECT_EQ(escape_identity("/"), "%2F");
  EXPECT_EQ(escape_identity(std::string{"a\0b", 3}), "a%00b");
  EXPECT_EQ(escape_identity("a\\b:c\n"), "a%5Cb%3Ac%0A");
}

TEST(EscapeIdentity, IsNeverEmptyHiddenOrAnOption) {
  EXPECT_EQ(escape_identity(""), "%");
  EXPECT_EQ(escape_identity(".bashrc"), "%2Ebashrc");
  EXPECT_EQ(escape_identity("-rf"), "%2Drf");
}

TEST(EscapeIdentity, KeepsWhatOnlyDiffersInCaseApart) {
  EXPECT_NE(lower(escape_identity("Alice")), lower(escape_identity("alice")));
  EXPECT_NE(lower(escape_identity("%4a")), lower(escape_identity("%4A")));
  EXPECT_NE(lower(escape_identity("%41lice")), lower(escape_identity("Alice")));
}

TEST(EscapeIdentity, TakesUnicodeAndBrokenUnicode) {
  EXPECT_EQ(escape_identity("zo\u00eb"), "zo%C3%AB");
  EXPECT_EQ(escape_identity("\xff\xfe"), "%FF%FE");
  // Composed and decomposed letters are different identities, also where file systems unite them.
  EXPECT_NE(escape_identity("\u00eb"), escape_identity("e\u0308"));
}

TEST(EscapeIdentity, CutsLongOnesAndKeepsThemApart) {
  const std::string a(300, 'a');
  EXPECT_EQ(escape_identity(std::string(100, 'a')), std::string(100, 'a'));
  EXPECT_LE(escape_identity(a).size(), 140U);
  EXPECT_NE(escape_identity(a), escape_identity(a + "a"));
  EXPECT_NE(escape_identity(a), escape_identity(escape_identity(a)));
  EXPECT_LE(escape_identity(std::string(5000, '\n')).size(), 140U);
}

TEST(EscapeIdentity, GivesTenThousandRandomOnesDifferentNames) {
  std::mt19937 random{20240611};
  const std::string few = "aA.%2/-~\xc3";  // as many near misses as possible
  std::map<std::string, std::string> names;
  for (int i = 0; i < 10000; i++) {
    std::string identity;
    const std::size_t size = i % 100 == 0 ? 90 + random() % 60 : random() % 9;
    while (identity.size() < size)
      identity += few[random() % few.size()];
    const std::string name = escape_identity(identity);
    EXPECT_EQ(name.find('/'), std::string::npos);
    EXPECT_FALSE(name.empty() || name[0] == '.' || name[0] == '-') << name;
    const auto [at, is_new] = names.emplace(lower(name), identity);
    EXPECT_TRUE(is_new || at->second == identity) << identity << " and " << at->second;
  }
  EXPECT_GT(names.size(), 5000U);
}

TEST(CreateFile, CountsUpAndNeverOverwrites) {
  const media::Folder folder;
  const auto first = create_file(folder.fd(), "alice", "webm");
  EXPECT_EQ(first.name, "alice.webm");
  ASSERT_EQ(write(first.fd, "mine", 4), 4);
  const auto second = create_file(folder.fd(), "alice", "webm");
  const auto third = create_file(folder.fd(), "alice", "webm");
  EXPECT_EQ(second.name, "alice.2.webm");
  EXPECT_EQ(third.name, "alice.3.webm");
  EXPECT_EQ(std::filesystem::file_size(folder / "alice.webm"), 4U);
  for (const int fd : {first.fd, second.fd, third.fd})
    close(fd);
}

TEST(CreateFile, FollowsNoLink) {
  const media::Folder folder;
  ASSERT_EQ(symlinkat("victim", folder.fd(), "alice.mkv"), 0);
  ASSERT_EQ(symlinkat("/dev/null", folder.fd(), "alice.2.mkv"), 0);
  const auto created = create_file(folder.fd(), "alice", "mkv");
  close(created.fd);
  EXPECT_EQ(created.name, "alice.3.mkv");
  EXPECT_FALSE(std::filesystem::exists(folder / "victim"));
}

TEST(CreateFile, PassesNamesWithASidecarOver) {
  const media::Folder folder;
  ASSERT_EQ(symlinkat("nowhere", folder.fd(), "alice.mkv.json"), 0);
  const auto created = create_file(folder.fd(), "alice", "mkv", ".json");
  close(created.fd);
  EXPECT_EQ(created.name, "alice.2.mkv");
}

TEST(CreateFile, IsForItsOwnerOnlyWhateverTheMask) {
  const media::Folder folder;
  const mode_t mask = umask(0);
  const auto created = create_file(folder.fd(), "alice", "mkv");
  umask(mask);
  struct stat status;
  ASSERT_EQ(fstat(created.fd, &status), 0);
  close(created.fd);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(CreateFile, SaysWhatIsWrong) {
  const media::Folder folder;
  std::filesystem::remove(folder.path());
  try {
    create_file(folder.fd(), "alice", "mkv");
    FAIL();
  } catch (const recorder::Failure &failure) {
    EXPECT_NE(std::string{failure.what()}.find("cannot create alice.mkv: "), std::string::npos);
  }
}

}  // namespace
