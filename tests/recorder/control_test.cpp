// SPDX-License-Identifier: LGPL-2.1-or-later
// The socket that takes commands, and the client that sends them.
#include "recorder/control.h"

#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include "files.h"
#include "support/main_context.h"

namespace recorder {

using e2ee::test::run_for;
using e2ee::test::run_until;
namespace {

using namespace std::chrono_literals;

int connected(const std::string &path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0)
    return fd;
  close(fd);
  return -1;
}

bool send_text(int fd, const std::string &text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// Until the newline, or what came until the other side closed.
std::string receive_line(int fd) {
  std::string line;
  char byte;
  while (recv(fd, &byte, 1, 0) == 1 && byte != '\n')
    line += byte;
  return line;
}

struct ControlTest : testing::Test {
  std::unique_ptr<Control> start(unsigned patience = Control::kPatienceSeconds) {
    return std::make_unique<Control>(
        path,
        [this](const ControlRequest &request) {
          asked.push_back(request.command + " " + request.identity);
          if (request.identity == "nobody")
            throw Failure("there is no participant nobody");
          return JsonWriter({{"was", request.identity}});
        },
        patience);
  }

  // Runs `other` beside the main context.
  void beside(const std::function<void()> &other) {
    std::atomic<bool> done = false;
    std::thread thread([&] {
      other();
      done = true;
    });
    EXPECT_TRUE(run_until([&] { return done.load(); }));
    thread.join();
  }

  int client(const ControlRequest &request, std::string *out = nullptr) {
    int code = -1;
    testing::internal::CaptureStdout();
    beside([&] { code = control_client(path, request); });
    const std::string printed = testing::internal::GetCapturedStdout();
    if (out)
      *out = printed;
    return code;
  }

  std::string ask(const std::string &line) {
    std::string answer;
    beside([&] {
      const int fd = connected(path);
      EXPECT_TRUE(send_text(fd, line));
      answer = receive_line(fd);
      close(fd);
    });
    return answer;
  }

  Folder folder;
  const std::string path = folder / "control";
  std::vector<std::string> asked;
};

}  // namespace

TEST_F(ControlTest, CommandsGetThroughAndAreAnswered) {
  const auto control = start();
  std::string out;
  EXPECT_EQ(client({"withdraw", "bob"}, &out), 0);
  EXPECT_EQ(out, "{\"was\":\"bob\",\"ok\":true}\n");
  EXPECT_EQ(client({"allow", "a \"quoted\"\nname \xe2\x82\xac"}), 0);
  EXPECT_EQ(client({"status", ""}), 0);
  EXPECT_EQ(client({"stop", ""}), 0);
  EXPECT_EQ(asked,
            (std::vector<std::string>{"withdraw bob", "allow a \"quoted\"\nname \xe2\x82\xac",
                                      "status ", "stop "}));
}

TEST_F(ControlTest, ARefusalIsAnAnswerAndAnExitCode) {
  const auto control = start();
  std::string out;
  EXPECT_EQ(client({"withdraw", "nobody"}, &out), 1);
  EXPECT_EQ(out, "{\"ok\":false,\"error\":\"there is no participant nobody\"}\n");
}

// Names come from the meeting: on a terminal they are shown, in a pipe they are passed on.
TEST_F(ControlTest, NamesDoNotSteerTheTerminal) {
  const auto control = start();
  const std::string name =
      "\xc2\x9b"
      "31m\xe2\x80\xae"
      "bob";
  std::string out;
  EXPECT_EQ(client({"allow", name}, &out), 0);
  EXPECT_EQ(out, "{\"was\":\"" + name + "\",\"ok\":true}\n");
  int terminal = -1;
  int shown = -1;
  ASSERT_EQ(openpty(&terminal, &shown, nullptr, nullptr, nullptr), 0);
  fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  dup2(shown, STDOUT_FILENO);
  int code = -1;
  beside([&] { code = control_client(path, {"allow", name}); });
  dup2(before, STDOUT_FILENO);
  close(before);
  EXPECT_EQ(code, 0);
  std::array<char, 200> text{};
  EXPECT_GT(read(terminal, text.data(), text.size() - 1), 0);
  EXPECT_STREQ(text.data(), "{\"was\":\"<U+009B>31m<U+202E>bob\",\"ok\":true}\r\n");
  close(shown);
  close(terminal);
}

TEST_F(ControlTest, TheClientSaysWhatIsWrong) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(control_client(path, {"status", ""}), 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no recorder answers"), std::string::npos);
  const auto control = start();
  testing::internal::CaptureStderr();
  EXPECT_EQ(client({"withdraw", ""}), 2);
  EXPECT_EQ(client({"stop", "bob"}), 2);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("name the participant"), std::string::npos);
  EXPECT_TRUE(asked.empty());
}

TEST_F(ControlTest, OtherLinesAreRefusedAndTheConnectionGoesOn) {
  const auto control = start();
  for (const std::string line :
       {"", "status", "[]", "{}", "{\"command\": 3}", "{\"command\": \"delete\"}",
        "{\"command\": \"withdraw\"}", "{\"command\": \"withdraw\", \"identity\": 7}",
        "{\"command\": \"status\"", "\xff\xfe"}) {
    std::string refused;
    std::string answer;
    beside([&] {
      const int fd = connected(path);
      EXPECT_TRUE(send_text(fd, line + "\n{\"command\": \"status\"}\n"));
      refused = receive_line(fd);
      answer = receive_line(fd);
      close(fd);
    });
    EXPECT_EQ(refused.rfind("{\"ok\":false,\"error\":", 0), 0U) << line << ": " << refused;
    EXPECT_EQ(answer, "{\"was\":\"\",\"ok\":true}") << line;
  }
  EXPECT_EQ(ask(std::string("{\"command\": \"status\"}\0\n", 23)).rfind("{\"ok\":false", 0), 0U);
}

TEST_F(ControlTest, ALineThatIsTooLongEndsTheConnection) {
  const auto control = start();
  std::string answer;
  std::string rest;
  beside([&] {
    const int fd = connected(path);
    // The connection may end before all of it is taken.
    send_text(fd, std::string(Control::kMaxLine + 5000, 'x'));
    answer = receive_line(fd);
    rest = receive_line(fd);
    close(fd);
  });
  EXPECT_NE(answer.find("64 KiB"), std::string::npos) << answer;
  EXPECT_EQ(rest, "");
  EXPECT_EQ(client({"status", ""}), 0);
}

TEST_F(ControlTest, ThousandsOfLinesAtOnceAreAnsweredInOrder) {
  const auto control = start();
  constexpr int kLines = 3000;
  int answered = 0;
  beside([&] {
    const int fd = connected(path);
    std::thread sender([fd] {
      std::string all;
      for (int i = 0; i < kLines; ++i)
        all += "{\"command\":\"allow\",\"identity\":\"" + std::to_string(i) + "\"}\n";
      EXPECT_TRUE(send_text(fd, all));
    });
    while (answered < kLines &&
           receive_line(fd) == "{\"was\":\"" + std::to_string(answered) + "\",\"ok\":true}")
      ++answered;
    sender.join();
    close(fd);
  });
  EXPECT_EQ(answered, kLines);
}

TEST_F(ControlTest, OnlyTheOwnerMayConnect) {
  const auto control = start();
  struct stat info;
  ASSERT_EQ(lstat(path.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(ControlTest, TheSocketGoesWithItsOwner) {
  start();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(connected(path), -1);
  const auto again = start();
  EXPECT_EQ(client({"status", ""}), 0);
}

// As a killed recorder leaves it.
TEST_F(ControlTest, AStaleSocketIsReplaced) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  close(fd);
  ASSERT_TRUE(std::filesystem::exists(path));
  const auto control = start();
  EXPECT_EQ(client({"status", ""}), 0);
}

TEST_F(ControlTest, ALivingSocketAndOtherFilesAreLeftAlone) {
  const auto control = start();
  EXPECT_NE(failure_of([&] { start(); }).find("a recorder that is running answers here"),
            std::string::npos);
  EXPECT_EQ(client({"status", ""}), 0);
  const std::string file = folder / "file";
  write_file(file, "precious");
  EXPECT_NE(failure_of([&] { Control(file, nullptr); }).find("something else"), std::string::npos);
  EXPECT_EQ(read_file(file), "precious");
  EXPECT_NE(failure_of([&] { Control(folder / "no/such", nullptr); }).find("no/such"),
            std::string::npos);
  EXPECT_NE(failure_of([&] { Control(folder / std::string(200, 'x'), nullptr); }).find("too long"),
            std::string::npos);
}

TEST_F(ControlTest, ThoseThatHangAreLetGo) {
  const auto control = start(1);
  std::vector<int> silent;
  beside([&] {
    for (unsigned i = 0; i < Control::kMaxConnections; ++i) {
      silent.push_back(connected(path));
      EXPECT_TRUE(send_text(silent.back(), "{\"command\":"));
    }
  });
  run_for(100ms);
  std::string more;
  beside([&] {
    const int fd = connected(path);
    more = receive_line(fd);
    close(fd);
  });
  EXPECT_EQ(more, "") << "no more of them are taken";
  beside([&] {
    for (int fd : silent)
      EXPECT_EQ(receive_line(fd), "");  // closed by the other side
  });
  for (int fd : silent)
    close(fd);
  EXPECT_EQ(client({"status", ""}), 0);
}

TEST_F(ControlTest, StopIsAnsweredThoughNothingRunsAfterIt) {
  std::unique_ptr<Control> control;
  control = std::make_unique<Control>(path, [&](const ControlRequest &) {
    control.reset();
    return JsonWriter();
  });
  EXPECT_EQ(ask("{\"command\": \"stop\"}\n"), "{\"ok\":true}");
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace recorder
