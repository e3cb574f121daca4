// SPDX-License-Identifier: LGPL-2.1-or-later
// The audit log: what is written, by how many, with which key, and what happens on a full disk.
#include "recorder/audit.h"

#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "common/secrets.h"
#include "files.h"
#include "recorder/signature.h"

namespace recorder {
namespace {

struct Audit : testing::Test {
  void SetUp() override { make_key_pair(key); }

  LogReport verify() const { return verify_log(path, key + ".pub"); }

  Folder folder;
  const std::string key = folder / "audit.pem";
  const std::string path = folder / "audit.jsonl";
};

JsonNodePtr record(const std::string &line) {
  JsonNodePtr node = parse_json_object(line);
  EXPECT_TRUE(node) << line;
  return node;
}

std::string text_in(const std::string &line, const char *name) {
  return text_or(json_node_get_object(record(line).get()), name);
}

}  // namespace

TEST_F(Audit, EachRecordSaysWhenAndFollowsFromTheLast) {
  {
    AuditLog log(path, key, {{"room", std::string("daily")}, {"sealed", false}});
    log.add("recording-started", {{"participant", std::string("bob")}, {"bytes", std::int64_t{7}}});
    log.close({{"recordings", std::int64_t{1}}});
  }
  const std::vector<std::string> lines = lines_of(read_file(path));
  ASSERT_EQ(lines.size(), 3U);
  std::string prev(64, '0');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const JsonNodePtr node = record(lines[i]);
    JsonObject *object = json_node_get_object(node.get());
    EXPECT_EQ(number_or(object, "seq"), static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(text_or(object, "prev"), prev);
    EXPECT_TRUE(std::regex_match(text_or(object, "time"),
                                 std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z")))
        << lines[i];
    prev = sha256_hex(lines[i]);
  }
  EXPECT_EQ(text_in(lines[0], "event"), "opened");
  EXPECT_EQ(text_in(lines[0], "room"), "daily");
  EXPECT_EQ(text_in(lines[0], "public-key"), PublicKey::from_file(key + ".pub").hex());
  EXPECT_EQ(text_in(lines[0], "public-key-fingerprint"),
            PublicKey::from_file(key + ".pub").fingerprint());
  EXPECT_EQ(text_in(lines[1], "participant"), "bob");
  EXPECT_EQ(text_in(lines[1], "signature"), "");
  EXPECT_EQ(text_in(lines[2], "signature").size(), 128U);
  const LogReport report = verify();
  EXPECT_EQ(report.state, LogState::kClosed) << report.text();
  EXPECT_EQ(report.records, 3U);
  EXPECT_EQ(report.signed_records, 3U);
  EXPECT_EQ(report.until, text_in(lines[2], "time"));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(Audit, IsWrittenWhenAddReturns) {
  AuditLog log(path, key, {});
  log.add("one", {});
  EXPECT_EQ(lines_of(read_file(path)).size(), 2U);
}

TEST_F(Audit, AnOpenLogSaysHowFarASignatureReaches) {
  AuditLog log(path, key, {}, std::chrono::seconds(0));
  log.add("one", {});
  log.add("two", {});
  log.tick();
  log.tick();  // with nothing new there is nothing to sign
  log.add("three", {});
  const LogReport report = verify();
  EXPECT_EQ(report.state, LogState::kOpenEnded) << report.text();
  EXPECT_EQ(report.records, 5U);
  EXPECT_EQ(report.signed_records, 4U);
  const std::vector<std::string> lines = lines_of(read_file(path));
  EXPECT_EQ(text_in(lines[3], "event"), "checkpoint");
  EXPECT_EQ(report.signed_until, text_in(lines[3], "time"));
  EXPECT_EQ(report.until, text_in(lines[4], "time"));
}

TEST_F(Audit, SignaturesComeWhenTheyAreDue) {
  AuditLog log(path, key, {});
  log.add("one", {});
  log.tick();
  EXPECT_EQ(verify().records, 2U);
}

TEST_F(Audit, EightThreadsWriteOneChain) {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kEach = 150;
  AuditLog log(path, key, {});
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&log, t] {
      for (unsigned i = 0; i < kEach; ++i)
        log.add("event", {{"name", std::to_string(t) + "-" + std::to_string(i)}});
    });
  for (std::thread &thread : threads)
    thread.join();
  log.close({});
  std::set<std::string> names;
  unsigned checkpoints = 0;
  for (const std::string &line : lines_of(read_file(path))) {
    if (text_in(line, "event") == "event")
      names.insert(text_in(line, "name"));
    checkpoints += text_in(line, "event") == "checkpoint";
  }
  EXPECT_EQ(names.size(), kThreads * kEach);
  EXPECT_EQ(checkpoints, 1U) << "one for each thousand records";
  EXPECT_EQ(verify().state, LogState::kClosed) << verify().text();
}

TEST_F(Audit, AnyIdentityIsOneLineOfJson) {
  const std::vector<std::string> names = {"two\nlines",
                                          "\r\n{\"seq\":2}\n",
                                          "quote\"\\",
                                          std::string("nul\0byte", 8),
                                          "\xff\xfe\x80",
                                          "\x1b[31mred",
                                          "\xe2\x80\xa8separator",
                                          "\xed\xa0\x80surrogate",
                                          std::string(100000, 'x'),
                                          "",
                                          "\x7f"};
  AuditLog log(path, key, {});
  for (const std::string &name : names)
    log.add("event", {{"name", name}});
  log.close({});
  const std::string text = read_file(path);
  EXPECT_TRUE(g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr));
  const std::vector<std::string> lines = lines_of(text);
  ASSERT_EQ(lines.size(), names.size() + 2);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string read = text_in(lines[i + 1], "name");
    if (g_utf8_validate(names[i].data(), static_cast<gssize>(names[i].size()), nullptr)) {
      EXPECT_EQ(read, names[i]);
    } else {
      EXPECT_NE(read.find("\xef\xbf\xbd"), std::string::npos) << read;
    }
  }
  EXPECT_EQ(verify().state, LogState::kClosed) << verify().text();
}

TEST_F(Audit, NeverWritesOverAnythingOrThroughALink) {
  write_file(path, "precious");
  EXPECT_NE(failure_of([&] { AuditLog(path, key, {}); }).find("there is a file already"),
            std::string::npos);
  EXPECT_EQ(read_file(path), "precious");
  std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
  EXPECT_NE(failure_of([&] { AuditLog(folder / "link", key, {}); }), "");
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  EXPECT_NE(
      failure_of([&] { AuditLog(folder / "no/such/folder", key, {}); }).find("no/such/folder"),
      std::string::npos);
}

TEST_F(Audit, NothingFollowsTheClosingRecord) {
  AuditLog log(path, key, {});
  log.close({});
  EXPECT_NE(failure_of([&] { log.add("late", {}); }).find("closed"), std::string::npos);
  EXPECT_NE(failure_of([&] { log.close({}); }).find("closed"), std::string::npos);
  log.tick();
  EXPECT_EQ(verify().state, LogState::kClosed) << verify().text();
}

TEST_F(Audit, KeysOfOtherKindsAreRefusedWithTheCommandThatMakesOne) {
  const std::string make = "openssl genpkey -algorithm ed25519";
  make_key_pair(folder / "x25519.pem", "X25519");
  make_key_pair(folder / "ed448.pem", "ED448");
  write_file(folder / "text", "no key at all\n");
  write_file(folder / "empty", "");
  for (const std::string name : {"x25519.pem", "ed448.pem", "text", "empty", "audit.pem.pub"}) {
    const std::string problem = failure_of([&] { AuditLog(path, folder / name, {}); });
    EXPECT_NE(problem.find(make), std::string::npos) << name << ": " << problem;
    EXPECT_FALSE(std::filesystem::exists(path)) << name;
  }
  EXPECT_NE(failure_of([&] { AuditLog(path, folder / "none", {}); }).find("No such file"),
            std::string::npos);
}

TEST_F(Audit, VerifyingNeedsThePublicKey) {
  AuditLog(path, key, {}).close({});
  EXPECT_NE(failure_of([&] { verify_log(path, key); }).find("openssl pkey -in"), std::string::npos);
  EXPECT_NE(failure_of([&] { verify_log(path, path); }).find("openssl pkey -in"),
            std::string::npos);
  EXPECT_NE(failure_of([&] { verify_log(folder / "none", key + ".pub"); }).find("No such file"),
            std::string::npos);
  EXPECT_NE(failure_of([&] { verify_log(folder / ".", key + ".pub"); }), "");
}

TEST_F(Audit, ReadsWhatOpensslWrites) {
  write_file(folder / "cli.pem",
             "-----BEGIN PRIVATE KEY-----\n"
             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
             "-----END PRIVATE KEY-----\n");
  write_file(folder / "cli.pub",  // RFC 8032, test 1
             "-----BEGIN PUBLIC KEY-----\n"
             "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
             "-----END PUBLIC KEY-----\n");
  AuditLog(path, folder / "cli.pem", {}).close({});
  EXPECT_EQ(verify_log(path, folder / "cli.pub").state, LogState::kClosed);
  std::vector<std::string> notices;
  EXPECT_EQ(SigningKey::from_file(folder / "cli.pem", notices).sign(""),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(notices.empty());
}

TEST_F(Audit, AKeyThatOthersCanReadDrawsANotice) {
  EXPECT_TRUE(AuditLog(folder / "a", key, {}).notices().empty());
  chmod(key.c_str(), 0644);
  const std::vector<std::string> notices = AuditLog(folder / "b", key, {}).notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find("chmod 600 "), std::string::npos);
}

TEST_F(Audit, CredentialsComeFromSystemd) {
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_NE(failure_of([] { credential_path("audit.pem"); }).find("LoadCredential=audit.pem"),
            std::string::npos);
  setenv("CREDENTIALS_DIRECTORY", (folder / ".").c_str(), 1);
  EXPECT_TRUE(std::filesystem::equivalent(credential_path("audit.pem"), key));
  EXPECT_NE(failure_of([] { credential_path("other"); }).find("LoadCredential=other"),
            std::string::npos);
  EXPECT_NE(failure_of([] { credential_path("../audit.pem"); }), "");
  unsetenv("CREDENTIALS_DIRECTORY");
}

// The log lies on a disk of its own, of 1 MiB.
struct AuditOnDisk : Audit {
  void SetUp() override {
    Audit::SetUp();
    std::filesystem::create_directory(disk);
    mounted = mount("tmpfs", disk.c_str(), "tmpfs", 0, "mode=0700,size=1m") == 0;
    if (!mounted)
      GTEST_SKIP() << testing::UnitTest::GetInstance()->current_test_info()->name()
                   << ": cannot mount a file system: " << strerror(errno);
  }
  void TearDown() override {
    if (mounted) {
      EXPECT_EQ(umount2(disk.c_str(), MNT_DETACH), 0);
    }
  }

  std::uintmax_t room() const { return std::filesystem::space(disk).available; }
  void fill(const std::string &file) const {
    const std::string page(4096, 'x');
    std::ofstream out(file, std::ios::binary);
    while (out.write(page.data(), static_cast<std::streamsize>(page.size())).flush())
      continue;
    EXPECT_EQ(room(), 0U);
  }
  // Recordings fill the disk, and then so many records of more than a kilobyte are written.
  void expect_to_go_on(unsigned records) const {
    const auto all = room();
    AuditLog log(on_disk, key, {});
    EXPECT_GT(room(), all / 4) << "most is for the recordings";
    fill(disk + "/recording");
    const auto add = [&] { log.add("event", {{"name", std::string(1000, 'x')}}); };
    for (unsigned i = 0; i < records; ++i)
      ASSERT_EQ(failure_of(add), "") << "after " << i << " records";
    log.close({});
    EXPECT_EQ(verify_log(on_disk, key + ".pub").state, LogState::kClosed);
    EXPECT_GT(room(), 0U) << "what was not needed is given back";
  }

  const std::string disk = folder / "disk";
  const std::string on_disk = disk + "/audit.jsonl";
  bool mounted = false;
};

TEST_F(AuditOnDisk, GoesOnWhenTheDiskIsFull) {
  ASSERT_EQ(mount(nullptr, disk.c_str(), nullptr, MS_REMOUNT, "size=80m"), 0) << strerror(errno);
  expect_to_go_on(6000);
}

TEST_F(AuditOnDisk, GoesOnWhenASmallDiskIsFull) {
  expect_to_go_on(90);
}

TEST_F(AuditOnDisk, LeavesNothingOnADiskThatWasFullBefore) {
  fill(disk + "/other");
  const std::string problem = failure_of([&] { AuditLog(on_disk, key, {}); });
  EXPECT_NE(problem.find("No space left"), std::string::npos) << problem;
  EXPECT_FALSE(std::filesystem::exists(on_disk)) << "it would be in the way of the next start";
  std::filesystem::remove(disk + "/other");
  EXPECT_EQ(failure_of([&] { AuditLog(on_disk, key, {}); }), "");
}

// A limit on file sizes stops a write as a full disk does: a part of it, then an error.
TEST_F(Audit, AFullDiskStopsTheLogAndLeavesNothingTorn) {
  signal(SIGXFSZ, SIG_IGN);
  AuditLog log(path, key, {});
  log.add("fits", {});
  std::string told;
  log.on_failure([&](const std::string &problem) { told += problem; });
  const std::string before = read_file(path);
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = before.size() + 40;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string problem = failure_of([&] { log.add("does-not", {}); });
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_NE(problem.find(path), std::string::npos) << problem;
  EXPECT_NE(problem.find("File too large"), std::string::npos) << problem;
  EXPECT_NE(problem.find("make room"), std::string::npos) << problem;
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(failure_of([&] { log.add("room again, but one record is missing", {}); }), problem);
  EXPECT_EQ(failure_of([&] { log.tick(); }), problem) << "at once, though no signature is due";
  EXPECT_EQ(failure_of([&] { log.close({}); }), problem);
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(verify().state, LogState::kOpenEnded) << verify().text();
  EXPECT_EQ(told, "") << "those who call are told by what is thrown";
}

}  // namespace recorder
