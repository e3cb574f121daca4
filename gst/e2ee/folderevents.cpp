/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "folderevents.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace e2ee {

namespace {
constexpr std::uint32_t kEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
}  // namespace

FolderEvents::FolderEvents() : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

FolderEvents::~FolderEvents() {
  if (fd_ >= 0)
    close(fd_);
}

int FolderEvents::add(const std::string &folder) {
  const int number = fd_ < 0 ? -1 : inotify_add_watch(fd_, folder.c_str(), kEvents | IN_ONLYDIR);
  if (number >= 0)
    ++uses_[number];
  return number;
}

void FolderEvents::remove(int folder) {
  auto at = uses_.find(folder);
  if (at == uses_.end() || --at->second != 0)
    return;
  inotify_rm_watch(fd_, folder);
  uses_.erase(at);
}

void FolderEvents::wait(int wake, std::chrono::nanoseconds time, const Tell &tell) {
  std::array<pollfd, 2> from{{{wake, POLLIN, 0}, {fd_, POLLIN, 0}}};  // poll() skips -1
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(time);
  if (poll(from.data(), from.size(), static_cast<int>(std::max<long>(wait.count(), 0))) <= 0)
    return;
  std::uint64_t count;
  if (from[0].revents != 0) [[maybe_unused]]
    const ssize_t got = read(wake, &count, sizeof count);
  if (from[1].revents != 0)
    read_events(tell);
}

void FolderEvents::read_events(const Tell &tell) {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  const ssize_t size = read(fd_, buffer.data(), buffer.size());
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const char *name = buffer.data() + at + sizeof event;
    at += static_cast<ssize_t>(sizeof event + event.len);
    if ((event.mask & IN_Q_OVERFLOW) == 0) {
      tell(event.wd, event.mask, event.len != 0 ? name : "");
      continue;
    }
    for (const auto &[folder, uses] : uses_)
      tell(folder, 0, "");
  }
}

}  // namespace e2ee
