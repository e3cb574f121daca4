/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/waiting.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace e2ee::test {

bool wait_for(const std::function<bool()> &condition, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    sleep_ms(5);
  }
  return true;
}

void sleep_ms(unsigned ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

namespace {

// Threads may end while this looks.
unsigned count_threads(const std::function<bool(const std::filesystem::path &task)> &counts) {
  std::error_code error;
  unsigned found = 0;
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task", error))
    found += counts(task.path());
  return found;
}

std::string line_of(const std::filesystem::path &path) {
  std::string text;
  std::getline(std::ifstream(path), text);
  return text;
}

// The third field of /proc/PID/task/TID/stat, behind the name in parentheses.
bool is_running(const std::filesystem::path &task) {
  const std::string text = line_of(task / "stat");
  const std::size_t at = text.rfind(')');
  return at != std::string::npos && at + 2 < text.size() && text[at + 2] == 'R';
}

}  // namespace

unsigned threads_named(const std::string &name) {
  return count_threads([&](const auto &task) { return line_of(task / "comm") == name; });
}

void let_workers_finish() {
  const std::string self = std::to_string(gettid());
  const auto others_rest = [&] {
    return count_threads(
               [&](const auto &task) { return task.filename() != self && is_running(task); }) == 0;
  };
  // A thread may wait for a lock for a moment.
  unsigned rested = 0;
  EXPECT_TRUE(wait_for(
      [&] {
        rested = others_rest() ? rested + 1 : 0;
        return rested >= 4;
      },
      std::chrono::seconds(60)));
}

bool is_quick() {
  const char *value = std::getenv("E2EE_QUICK");
  return value != nullptr && std::string(value) == "1";
}

}  // namespace e2ee::test
