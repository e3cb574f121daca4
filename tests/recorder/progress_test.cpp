// SPDX-License-Identifier: LGPL-2.1-or-later
// What is shown while recordings go on, as text.
#include "recorder/progress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "common/program.h"
#include "files.h"

namespace recorder {
namespace {

using examples::Terminal;
using namespace std::chrono_literals;

std::vector<ProgressRow> some_rows() {
  return {{.identity = "alice",
           .state = "recording",
           .time = 65s,
           .video = 1950,
           .audio = 3250,
           .lost = 0,
           .bytes = 12'340'000,
           .file = "alice.webm"},
          {.identity = "bob",
           .state = "withdrawn",
           .time = 3725s,
           .video = 10,
           .audio = 20,
           .lost = 3,
           .bytes = 1000,
           .file = "bob.webm"},
          {.identity = "carol", .state = "waiting"}};
}

unsigned columns(const std::string &line) {
  unsigned width = 0;
  for (const char *at = line.c_str(); *at; at = g_utf8_next_char(at)) {
    const gunichar letter = g_utf8_get_char(at);
    width += g_unichar_iszerowidth(letter) ? 0 : g_unichar_iswide(letter) ? 2 : 1;
  }
  return width;
}

// Standard output of `run` as a terminal of this size gets it.
std::string on_a_terminal(unsigned short width, unsigned short height,
                          const std::function<void()> &run) {
  const int controller = posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_GE(controller, 0);
  grantpt(controller);
  unlockpt(controller);
  const int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
  EXPECT_GE(terminal, 0);
  winsize size{};
  size.ws_col = width;
  size.ws_row = height;
  ioctl(terminal, TIOCSWINSZ, &size);
  fflush(stdout);
  const int old = dup(STDOUT_FILENO);
  dup2(terminal, STDOUT_FILENO);
  run();
  fflush(stdout);
  dup2(old, STDOUT_FILENO);
  close(old);
  std::string text;
  fcntl(controller, F_SETFL, O_NONBLOCK);
  char chunk[4096];
  for (ssize_t got; (got = read(controller, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(got));
  close(terminal);
  close(controller);
  return text;
}

std::string printed(const std::function<void()> &run) {
  testing::internal::CaptureStdout();
  run();
  return testing::internal::GetCapturedStdout();
}

struct Table : testing::Test {
  // Without colours: the output of tests is a file or a pipe, or else this says so.
  void SetUp() override { setenv("NO_COLOR", "1", 1); }
};

}  // namespace

TEST_F(Table, HasALineForEachParticipantAndATotal) {
  const std::vector<std::string> expected = {
      "PARTICIPANT               STATE         TIME    VIDEO    AUDIO   LOST       MB  FILE",
      "alice                     recording     1:05     1950     3250      0     12.3  alice.webm",
      "bob                       withdrawn  1:02:05       10       20      3      0.0  bob.webm",
      "carol                     waiting       0:00        0        0      0      0.0",
      "1 of 3                    recording  1:02:05     1960     3270      3     12.3"};
  std::vector<std::string> table = progress_text::table(some_rows(), Terminal(), {120, 24});
  ASSERT_EQ(table.size(), expected.size());
  // Columns grow with the terminal; what is between them is not the point.
  const auto squeezed = [](const std::string &line) {
    std::string text;
    for (char letter : line) {
      if (letter != ' ' || (!text.empty() && text.back() != ' '))
        text += letter;
    }
    return text;
  };
  for (std::size_t i = 0; i < table.size(); ++i)
    EXPECT_EQ(squeezed(table[i]), squeezed(expected[i]));
}

TEST_F(Table, EndsWithATotalAndNotWithWhatIsStillRecorded) {
  std::vector<ProgressRow> rows = some_rows();
  for (ProgressRow &row : rows)
    row.state = "ended";
  const std::string last = progress_text::table(rows, Terminal(), {120, 24, true}).back();
  EXPECT_TRUE(last.starts_with("total of 3 ")) << last;
  EXPECT_EQ(last.find("recording"), std::string::npos) << last;
}

TEST_F(Table, AKeyThatDoesNotFitIsSaid) {
  std::vector<ProgressRow> rows = some_rows();
  rows[2].state = "decryption-failed";
  rows[2].key = key_state("decryption-failed");
  const std::string row = progress_text::table(rows, Terminal(), {120, 24})[3];
  EXPECT_NE(row.find("carol"), std::string::npos) << row;
  EXPECT_NE(row.find(" wrong key? "), std::string::npos) << row;
  EXPECT_NE(progress_text::total_line(rows).find("; carol: frames do not verify: is the key"),
            std::string::npos);
  const std::string json = progress_text::json_line(rows, 1s);
  EXPECT_NE(json.find(R"("state":"decryption-failed")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("reason":"frames do not verify)"), std::string::npos) << json;
  EXPECT_EQ(progress_text::key_trouble(some_rows()), "");
  rows[0].key = key_state("missing-key");
  EXPECT_EQ(
      progress_text::key_trouble(rows),
      "; alice: there is no key for the frames: has --key-provider one for them? (and 1 more)");
}

// All that e2eedecrypt reports; of frames in the clear see kFramesOfServer.
TEST(KeyStates, HaveWordsForPeople) {
  for (const char *state : {"ok", "missing-key", "decryption-failed", "key-ratcheted", "malformed",
                            "replayed", "unsupported", "internal-error"}) {
    const KeyState *known = key_state(state);
    ASSERT_NE(known, nullptr) << state;
    EXPECT_NE(std::string(known->reason), state);
  }
  EXPECT_EQ(key_state("of-a-later-version"), nullptr);
}

TEST_F(Table, FitsTheTerminal) {
  std::vector<ProgressRow> rows;
  for (unsigned i = 0; i < 50; ++i)
    rows.push_back({.identity = "participant with a long name " + std::to_string(i),
                    .state = "recording",
                    .video = 123456,
                    .audio = 654321,
                    .bytes = 99'999'000'000,
                    .file = "participant%20with%20a%20long%20name%20of%20a%20file.webm"});
  rows[3].identity =
      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe5\x90\x8d\xe5\x89\x8d"
      "\xe3\x81\xa7\xe3\x81\x99\xe3\x82\x88\xe3\x81\xad\xe3\x81\x88";
  rows[4].identity =
      "e\xcc\x81"
      "e\xcc\x81"
      "e\xcc\x81";
  for (unsigned width : {64U, 80U, 100U, 132U, 250U}) {
    for (unsigned height : {5U, 10U, 24U, 53U, 60U}) {
      const std::vector<std::string> table =
          progress_text::table(rows, Terminal(), {width, height});
      EXPECT_LT(table.size(), height);
      for (const std::string &line : table)
        EXPECT_LE(columns(line), width) << line;
      const std::string more = table[table.size() - 2];
      if (height >= 53)
        EXPECT_EQ(table.size(), 52U);
      else
        EXPECT_EQ(more, "and " + std::to_string(50 - (table.size() - 3)) + " more");
    }
  }
  // So small that nothing fits: still no row more than it must be.
  EXPECT_LE(progress_text::table(rows, Terminal(), {10, 1}).size(), 3U);
  EXPECT_EQ(progress_text::table({}, Terminal(), {80, 24}).size(), 2U);
}

TEST(Programs, LinesOfAFailureStayLines) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      examples::run_program("here", []() -> int { throw examples::Failure("one:\n  two\x07"); }),
      examples::kFailed);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "here: one:\n  two<U+0007>\n");
}

TEST_F(Table, NamesFromTheNetworkDoNothingToTheTerminal) {
  using progress_text::harmless;
  EXPECT_EQ(harmless("\x1b]0;title\x07"), "<U+001B>]0;title<U+0007>");
  EXPECT_EQ(harmless("a\r\nb\tc\x7f"), "a<U+000D><U+000A>b<U+0009>c<U+007F>");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m"),
            "<U+009B>31m")
      << "CSI in one character";
  EXPECT_EQ(harmless("\xe2\x80\xae"
                     "evil"),
            "<U+202E>evil")
      << "right to left";
  EXPECT_EQ(harmless("a\xe2\x80\x8b"
                     "b\xe2\x80\xa8"),
            "a<U+200B>b<U+2028>");
  EXPECT_EQ(harmless("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(harmless("J\xc3\xbcrgen \xe6\x97\xa5\xe6\x9c\xac"),
            "J\xc3\xbcrgen \xe6\x97\xa5\xe6\x9c\xac");
  const auto bytes_below_blank = [](const std::string &text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char byte) { return byte < ' '; });
  };
  std::vector<ProgressRow> rows = {
      {.identity = "\x1b[2J\nx", .state = "recording", .file = "\x1b[2J"}};
  for (const std::string &line : progress_text::table(rows, Terminal(), {120, 24}))
    EXPECT_FALSE(bytes_below_blank(line)) << line;
}

TEST_F(Table, WideLettersAndMarksAreCountedAsColumns) {
  using progress_text::fitted;
  EXPECT_EQ(fitted("abc", 5), "abc  ");
  EXPECT_EQ(fitted("abcdef", 5), "abcd\xe2\x80\xa6");
  EXPECT_EQ(fitted("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4), "\xe6\x97\xa5\xe2\x80\xa6 ");
  EXPECT_EQ(fitted("e\xcc\x81", 3), "e\xcc\x81  ");
  EXPECT_EQ(fitted("abc", 0), "");
}

TEST_F(Table, IsRewrittenInPlace) {
  const std::string text = on_a_terminal(100, 24, [] {
    Progress progress(Progress::Style::kPeople);
    progress.show(some_rows());
    progress.show(some_rows());  // not due
    progress.tell("bob was withdrawn\x1b[2J", "withdrawn", {});
    progress.show(some_rows());
    progress.finish(some_rows());
  });
  unsigned tables = 0;
  for (std::size_t at = 0; (at = text.find("PARTICIPANT", at)) != std::string::npos; ++at)
    ++tables;
  EXPECT_EQ(tables, 3U) << text;
  EXPECT_NE(text.find("\033[5A"), std::string::npos) << "up, over the five lines of the table";
  EXPECT_NE(text.find("bob was withdrawn<U+001B>[2J"), std::string::npos) << text;
  EXPECT_EQ(text.find("\033[32m"), std::string::npos) << "NO_COLOR";
  unsetenv("NO_COLOR");
  const std::string coloured = on_a_terminal(100, 24, [] {
    Progress progress(Progress::Style::kPeople);
    progress.show(some_rows());
  });
  EXPECT_NE(coloured.find("\033[32mrecording"), std::string::npos) << coloured;
  EXPECT_NE(coloured.find("\033[31mwithdrawn"), std::string::npos) << coloured;
}

TEST_F(Table, ElsewhereItIsALineNowAndThen) {
  const std::string text = printed([] {
    Progress progress(Progress::Style::kPeople);
    for (unsigned i = 0; i < 100; ++i)
      progress.show(some_rows());
  });
  EXPECT_EQ(text,
            "1 of 3 participants recorded, 1960 video and 3270 audio frames, 3 lost, 12.3 MB\n");
}

TEST_F(Table, MachinesGetObjects) {
  std::vector<ProgressRow> rows = some_rows();
  rows[1].identity = "b\nob\x1b\xff";
  const std::string text = printed([&] {
    Progress progress(Progress::Style::kJson);
    progress.tell("not for machines", "joined", {{"participant", rows[1].identity}});
    progress.show(rows);
    progress.show(rows);  // not due
    progress.finish(rows);
  });
  const std::vector<std::string> lines = lines_of(text);
  ASSERT_EQ(lines.size(), 3U) << text;
  const JsonNodePtr joined = parse_json_object(lines[0]);
  ASSERT_TRUE(joined);
  EXPECT_EQ(text_or(json_node_get_object(joined.get()), "event"), "joined");
  EXPECT_EQ(text_or(json_node_get_object(joined.get()), "participant"), "b\nob\x1b\xef\xbf\xbd");
  for (unsigned i : {1U, 2U}) {
    const JsonNodePtr progress = parse_json_object(lines[i]);
    ASSERT_TRUE(progress) << lines[i];
    JsonObject *object = json_node_get_object(progress.get());
    EXPECT_EQ(text_or(object, "event"), "progress");
    JsonArray *participants = json_object_get_array_member(object, "participants");
    ASSERT_EQ(json_array_get_length(participants), 3U);
    JsonObject *alice = json_array_get_object_element(participants, 0);
    EXPECT_EQ(text_or(alice, "identity"), "alice");
    EXPECT_EQ(text_or(alice, "state"), "recording");
    EXPECT_EQ(number_or(alice, "seconds"), 65);
    EXPECT_EQ(number_or(alice, "video"), 1950);
    EXPECT_EQ(number_or(alice, "audio"), 3250);
    EXPECT_EQ(number_or(alice, "lost"), 0);
    EXPECT_EQ(number_or(alice, "bytes"), 12340000);
    EXPECT_EQ(text_or(alice, "file"), "alice.webm");
  }
}

TEST(ProgressTest, NothingFollowsTheLastFigures) {
  const std::string text = printed([] {
    Progress progress(Progress::Style::kJson);
    progress.finish(some_rows());
    progress.show({});
  });
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
  EXPECT_NE(text.find("alice"), std::string::npos) << text;
}

}  // namespace recorder
