// SPDX-License-Identifier: LGPL-2.1-or-later
#include "watched_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

namespace recorder {

using examples::CharPtr;
using examples::ObjectPtr;

WatchedFile::WatchedFile(const std::string &path, std::chrono::milliseconds look_every,
                         std::chrono::milliseconds settle, std::function<void()> changed)
    : path_(path), look_every_(look_every), settle_(settle), changed_(std::move(changed)) {
  const CharPtr folder_path(g_path_get_dirname(path.c_str()));
  const ObjectPtr<GFile> folder(g_file_new_for_path(folder_path.get()));
  // Without one (the folder is not there yet, no more inotify watches) looking now and then does.
  monitor_.reset(
      g_file_monitor_directory(folder.get(), G_FILE_MONITOR_WATCH_MOVES, nullptr, nullptr));
  if (monitor_)
    g_signal_connect(monitor_.get(), "changed", G_CALLBACK(on_folder_event), this);
  look_now_and_then();
}

WatchedFile::~WatchedFile() {
  if (monitor_) {
    g_signal_handlers_disconnect_by_data(monitor_.get(), this);
    g_file_monitor_cancel(monitor_.get());
  }
}

void WatchedFile::look_now_and_then() {
  looking_.start(look_every_, [this] {
    look_now_and_then();
    look();
  });
}

void WatchedFile::look_now() {
  known_ = state();
  changed_();
}

void WatchedFile::on_folder_event(GFileMonitor *, GFile *, GFile *, GFileMonitorEvent,
                                  WatchedFile *self) {
  self->look();
}

// Different whenever there is reason to read the file again. The time of the last change of the
// inode tells of new permissions too.
std::string WatchedFile::state() const {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0)
    return "error " + std::to_string(errno);
  std::string text = access(path_.c_str(), R_OK) == 0 ? "" : "unreadable";
  for (const auto number :
       {static_cast<long long>(info.st_dev), static_cast<long long>(info.st_ino),
        static_cast<long long>(info.st_size), static_cast<long long>(info.st_mtim.tv_sec),
        static_cast<long long>(info.st_mtim.tv_nsec), static_cast<long long>(info.st_ctim.tv_sec),
        static_cast<long long>(info.st_ctim.tv_nsec)})
    text += " " + std::to_string(number);
  return text;
}

void WatchedFile::look() {
  const std::string now = state();
  if (now == known_ && !always_)
    return;
  if (settling_.is_running() && now == settles_)
    return;
  settles_ = now;
  settling_.start(settle_, [this] { settled(); });
}

void WatchedFile::settled() {
  settling_.stop();
  const std::string now = state();
  if (now != settles_) {
    look();
    return;
  }
  if (now == known_ && !always_)
    return;
  known_ = now;
  changed_();
}

}  // namespace recorder
