// SPDX-License-Identifier: LGPL-2.1-or-later
// What e2ee-unseal leaves in the folder, also where the file system refuses or somebody stops it;
// what it says, and which sidecar it believes.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "sealed.h"
#include "support/waiting.h"
#include "unseal_faults.h"

namespace test = e2ee::test;

namespace {

using namespace sealed;
using recorder::Seal;
using test::passphrase_provider;
using test::raw_provider;

TEST_F(Unseal, OverwritesNothing) {
  const Provider keys = raw_provider(kFill);
  write_recording(in(), seal_of("livekit"), {encrypt(opus(), keys)});
  test::write_file(folder / "alice.open.webm", "precious");
  const Outcome run = unseal({in(), "-k", key()});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("not overwritten"), std::string::npos) << run.err;
  EXPECT_EQ(std::filesystem::file_size(folder / "alice.open.webm"), 8u);
}

TEST_F(Unseal, LeavesNothingBehindWhenNothingOpens) {
  const Provider keys = raw_provider(kFill);
  write_recording(in(), seal_of("livekit"), {encrypt(opus(), keys)});
  const std::string other = key_file(folder, 0x77, 0);
  const auto before = folder.names();
  Outcome run = unseal({in(), "-k", other});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("none of the keys"), std::string::npos) << run.err;
  EXPECT_EQ(folder.names(), before);
  run = unseal({in(), "-k", key_file(folder, kFill, 9)});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("no key for the key indices that the frames name (0)"), std::string::npos)
      << run.err;
}

// ---- what the file system does not do -----------------------------------------------------------

class UnsealFaults : public Unseal {
 protected:
  void SetUp() override {
    if (!Faults::possible())
      GTEST_SKIP() << "this system has no seccomp";
    write_recording(in(), seal_of("livekit"), {encrypt(plain[0], raw_provider(kFill))});
    command = {in(), "-k", key()};
    before = folder.names();
  }
  void expect_written(const std::vector<std::string> &added) {
    std::vector<std::string> names = before;
    names.insert(names.end(), added.begin(), added.end());
    std::sort(names.begin(), names.end());
    EXPECT_EQ(folder.names(), names);
    expect_same(read_recording(folder / "alice.open.webm"), plain);
  }

  const std::vector<Stream> plain{opus()};
  std::vector<std::string> command, before;
};

TEST_F(UnsealFaults, IsNoSuccessUnlessTheNameIsOnTheDisk) {
  const Outcome run = Faults().refuse(SYS_fsync, EIO).unseal(command);
  EXPECT_EQ(run.status, 1) << run.out;
  EXPECT_NE(run.err.find("cannot make sure that the folder"), std::string::npos) << run.err;
  EXPECT_EQ(folder.names(), before);
  EXPECT_EQ(Faults().refuse(SYS_fsync, EINVAL).unseal(command).status, 0);
  expect_written({"alice.open.webm"});
}

TEST_F(UnsealFaults, GivesItsNameInTwoStepsWhereItMust) {
  const Outcome run = Faults().refuse_nameless().unseal(command);
  EXPECT_EQ(run.status, 0) << run.err;
  expect_written({"alice.open.webm"});
}

TEST_F(UnsealFaults, TellsOfANameThatItCannotTakeAway) {
  const Outcome run = Faults().refuse_nameless().refuse_unlink().unseal(command);
  EXPECT_EQ(run.status, 0) << run.err;
  expect_written({"alice.open.webm", "alice.open.webm.part"});
  EXPECT_NE(run.out.find("alice.open.webm.part could not be removed"), std::string::npos)
      << run.out;
}

TEST_F(UnsealFaults, SaysWhenNothingTakesItsReport) {
  for (const char *style : {"--report", "--json"}) {
    command.push_back(style);
    const Outcome run = Faults().unseal(command, "/dev/full");
    EXPECT_EQ(run.status, 4) << run.err;
    EXPECT_NE(run.err.find("alice.open.webm was written, but not its report"), std::string::npos)
        << run.err;
    expect_written({"alice.open.webm"});
    std::filesystem::remove(folder / "alice.open.webm");
  }
}

// The search for the key of a damaged frame takes far longer than this test may.
TEST_F(Unseal, LeavesNothingBehindWhenItIsStopped) {
  Stream broken = encrypt(vp8(), passphrase_provider("a passphrase"));
  broken.frames[35].bytes[20] ^= 1;
  write_recording(in(), seal_of("livekit"), {broken});
  const auto before = folder.names();
  const GPid pid =
      start_unseal({in(), "-k", "shared,passphrase=a passphrase", "--max-ratchet", "1000000"});
  const std::string opened = "/proc/" + std::to_string(pid) + "/fd";
  const auto writes = [&] {
    std::error_code none;
    for (const auto &entry : std::filesystem::directory_iterator(opened, none)) {
      const std::string target = std::filesystem::read_symlink(entry, none).string();
      if (target.find(folder / "") == 0 && target != in())
        return true;
    }
    return false;
  };
  EXPECT_TRUE(test::wait_for(writes, std::chrono::seconds(60)));
  EXPECT_EQ(kill(pid, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_EQ(folder.names(), before);
}

TEST_F(Unseal, ShowsNoControlCharactersOfTheFile) {
  Seal seal = seal_of("livekit");
  seal.identity = "al\x1b[2Jice\u202egnp";
  write_recording(in(), seal, {encrypt(opus(), raw_provider(kFill))});
  Outcome run = unseal({in(), "-k", key()});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("al<U+001B>[2Jice<U+202E>gnp"), std::string::npos) << run.out;
  seal.kdf = "\x1b[2J";
  test::write_file(folder / "other.json", seal.to_json());
  run = unseal({in(), "-k", key(), "--sidecar", folder / "other.json"});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.err.find("<U+001B>[2J"), std::string::npos) << run.err;
  EXPECT_EQ(run.err.find('\x1b'), std::string::npos);
}

TEST_F(Unseal, SaysWhatIsWrongWithItsUse) {
  EXPECT_EQ(unseal({}).status, 2);
  EXPECT_EQ(unseal({in()}).status, 2);
  EXPECT_EQ(unseal({in(), "-k", "shared,passphrase=x", "--max-ratchet", "-1"}).status, 2);
  EXPECT_EQ(unseal({in(), "--no-such-option"}).status, 2);
  EXPECT_EQ(unseal({in(), "-k", "shared,passphrase=x", "--server-frames", "some"}).status, 2);
  EXPECT_EQ(unseal({in(), "-k", "shared,passphrase=x"}).status, 2);  // no such file
  EXPECT_EQ(unseal({"--help"}).status, 0);
  test::write_file(folder / "text.mkv", "this is no recording");
  EXPECT_EQ(unseal({folder / "text.mkv", "-k", "shared,passphrase=x"}).status, 2);
}

// ---- what is said about it ----------------------------------------------------------------------

TEST_F(Unseal, TakesTheSidecarWhereTheTagIsLost) {
  const Provider keys = raw_provider(kFill);
  const std::vector<Stream> plain{opus()};
  const Seal seal = seal_of("sframe");
  const Stream encrypted = encrypt(plain[0], keys, {.scheme = "sframe"});
  write_recording(in(), seal, {encrypted}, false);
  EXPECT_EQ(unseal({in(), "-k", key()}).status, 2);
  test::write_file(folder / "alice.mkv.json", seal_text(seal, {encrypted}));
  Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.notes.size(), 1u);
  expect_same(read_recording(folder / "alice.open.webm"), plain);
  std::filesystem::rename(folder / "alice.mkv.json", folder / "alice.json");
  run = unseal({in(), "-k", key(), "--json", "-o", folder / "2.webm"});
  EXPECT_EQ(run.status, 0) << run.err;
}

TEST_F(Unseal, RefusesASidecarOfANewerVersion) {
  const Provider keys = raw_provider(kFill);
  const Stream encrypted = encrypt(opus(), keys);
  write_recording(in(), seal_of("livekit"), {encrypted}, false);
  Seal later = seal_of("livekit");
  later.version = Seal::kVersion + 1;
  test::write_file(folder / "alice.mkv.json", later.to_json());
  Outcome run = unseal({in(), "-k", key()});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.err.find("newer e2ee-unseal"), std::string::npos) << run.err;
}

TEST_F(Unseal, SaysWhenFileAndSidecarDiffer) {
  const Provider keys = raw_provider(kFill);
  const Stream encrypted = encrypt(opus(), keys);
  write_recording(in(), seal_of("livekit"), {encrypted});
  test::write_file(folder / "alice.mkv.json", seal_text(seal_of("jitsi"), {encrypted}));
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  ASSERT_EQ(run.notes.size(), 1u);
  EXPECT_NE(run.notes[0].find("differ"), std::string::npos);
}

}  // namespace
