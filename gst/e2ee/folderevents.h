/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/inotify.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace e2ee {

/// What the kernel tells of changes in folders. Where it tells nothing (no more inotify instances
/// or watches, the folder is not there) waiting works all the same.
class FolderEvents {
 public:
  /// Someone has the file open and writes to it, or is about to.
  static constexpr std::uint32_t kWritten = IN_MODIFY | IN_CREATE;

  FolderEvents();
  ~FolderEvents();
  FolderEvents(const FolderEvents &) = delete;
  FolderEvents &operator=(const FolderEvents &) = delete;

  /// A number for the folder, the same for the same folder; -1 when nothing will be told of it.
  int add(const std::string &folder);
  /// As often as it was added.
  void remove(int folder);

  using Tell = std::function<void(int folder, std::uint32_t events, std::string_view name)>;
  /// Waits for events, for `wake` to be readable, or for `time` to pass. When events were lost each
  /// folder is told of as if something had happened to itself.
  void wait(int wake, std::chrono::nanoseconds time, const Tell &tell);

 private:
  void read_events(const Tell &tell);

  const int fd_;
  std::map<int, unsigned> uses_;
};

}  // namespace e2ee
