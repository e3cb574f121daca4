// SPDX-License-Identifier: LGPL-2.1-or-later
// Recorders that are killed while they record.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <random>
#include <sstream>
#include <thread>

#include "recorded.h"
#include "support/waiting.h"

extern char **environ;

namespace {

using namespace media;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kMostLost = 2s;

struct Pushed {
  unsigned number;
  Clock::time_point time;
};

class Victim {
 public:
  explicit Victim(bool sealed, std::chrono::milliseconds life) : life_(life) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    output_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = VICTIM, path = folder_.path(), mode = sealed ? "sealed" : "open";
    char *arguments[] = {program.data(), path.data(), mode.data(), nullptr};
    const int error = posix_spawn(&pid_, VICTIM, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0)
      throw std::runtime_error("no victim");
    thread_ = std::thread{[this] { live_and_die(); }};
  }
  ~Victim() {
    join();
    close(output_);
  }

  void join() {
    if (thread_.joinable())
      thread_.join();
  }

  Folder folder_;
  std::array<std::vector<Pushed>, 2> pushed_;
  Clock::time_point killed_;
  int status_ = 0;

 private:
  // Reads on a thread of its own, so that the victim never waits for it.
  void live_and_die() {
    std::string text;
    char part[4096];
    std::thread killer;
    while (true) {
      const ssize_t got = read(output_, part, sizeof part);
      if (got <= 0)
        break;
      if (!killer.joinable())  // its life begins with its first frame
        killer = std::thread{[this] {
          std::this_thread::sleep_for(life_);
          killed_ = Clock::now();
          kill(pid_, SIGKILL);
        }};
      text.append(part, static_cast<std::size_t>(got));
    }
    if (killer.joinable())
      killer.join();
    waitpid(pid_, &status_, 0);
    std::istringstream lines{text};
    char track;
    unsigned number;
    long long time;
    while (lines >> track >> number >> time)
      pushed_[static_cast<int>(track == 'v' ? Media::kVideo : Media::kAudio)].push_back(
          {number, Clock::time_point{Clock::duration{time}}});
  }

  std::chrono::milliseconds life_;
  pid_t pid_ = -1;
  int output_;
  std::thread thread_;
};

// What was read begins with the first frame pushed, lacks none, and ends at most 2 s before the
// kill. It may hold the frame whose push had not returned.
void expect_all(const Victim &victim, const File &file, Media media) {
  const auto &pushed = victim.pushed_[static_cast<int>(media)];
  const auto &frames = file.tracks[static_cast<int>(media)].frames;
  ASSERT_LE(frames.size(), pushed.size() + 1);
  for (std::size_t i = 0; i < frames.size() && i < pushed.size(); i++) {
    const unsigned number = pushed[i].number;
    const Frame sent = media == Media::kVideo ? video_frame(number, 3000) : audio_frame(number);
    ASSERT_EQ(frames[i].bytes, sent.bytes) << examples::media_name(media) << ' ' << i;
    ASSERT_EQ(frames[i].delta, sent.delta);
    ASSERT_LE(std::llabs(GST_CLOCK_DIFF(frames[i].pts, sent.pts)), GST_MSECOND);
  }
  if (frames.size() < pushed.size()) {
    EXPECT_GT(pushed[frames.size()].time, victim.killed_ - kMostLost)
        << examples::media_name(media) << ' ' << frames.size() << " of " << pushed.size();
  }
}

TEST(KilledRecorder, LosesTwoSecondsAtMost) {
  const unsigned kills = e2ee::test::is_quick() ? 5 : 20;
  const unsigned seed = std::random_device{}();
  std::mt19937 random{seed};
  RecordProperty("seed", static_cast<int>(seed));
  std::deque<Victim> victims;
  for (unsigned i = 0; i < kills; i++)
    victims.emplace_back(i % 2 == 1, std::chrono::milliseconds{20 + random() % 5500});
  std::uint64_t found = 0, pushed = 0;
  for (Victim &victim : victims) {
    victim.join();
    ASSERT_TRUE(WIFSIGNALED(victim.status_) && WTERMSIG(victim.status_) == SIGKILL)
        << victim.status_;
    File file;
    for (const std::string &name : victim.folder_.names())
      if (!name.ends_with(".json"))
        file = read_file(victim.folder_ / name);
    expect_all(victim, file, Media::kVideo);
    expect_all(victim, file, Media::kAudio);
    for (const auto media : {0, 1}) {
      found += file.tracks[media].frames.size();
      pushed += victim.pushed_[media].size();
    }
    for (const std::string &name : victim.folder_.names())
      if (name == "victim.mkv" && file.video().frames.size() > 0) {
        const auto streams = recorder::Seal::from_json(file.comment).streams.size();
        EXPECT_GE(streams, file.audio().frames.empty() ? 1U : 2U);
      }
  }
  std::printf("%u killed (seed %u): %llu of %llu frames are in the files\n", kills, seed,
              static_cast<unsigned long long>(found), static_cast<unsigned long long>(pushed));
  EXPECT_GT(found, pushed / 2);
}

}  // namespace
