// SPDX-License-Identifier: LGPL-2.1-or-later
#include "watched_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker.h"

namespace examples {

namespace {

// Different whenever there is reason to read the file again. The time of the last change of the
// inode tells of new permissions too.
std::string state_of(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return "error " + std::to_string(errno);
  std::string text = access(path.c_str(), R_OK) == 0 ? "" : "unreadable";
  for (const auto number :
       {static_cast<long long>(info.st_dev), static_cast<long long>(info.st_ino),
        static_cast<long long>(info.st_size), static_cast<long long>(info.st_mtim.tv_sec),
        static_cast<long long>(info.st_mtim.tv_nsec), static_cast<long long>(info.st_ctim.tv_sec),
        static_cast<long long>(info.st_ctim.tv_nsec)})
    text += " " + std::to_string(number);
  return text;
}

}  // namespace

WatchedFile::WatchedFile(const std::string &path, Settings settings, Events events)
    : path_(path), settings_(settings), events_(std::move(events)) {
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
  next_look_.start(settings_.look_every, [this] {
    look_now_and_then();
    look();
  });
}

void WatchedFile::look_now() {
  known_ = state_of(path_);
  events_.changed();
}

void WatchedFile::on_folder_event(GFileMonitor *, GFile *, GFile *, GFileMonitorEvent,
                                  WatchedFile *self) {
  self->look();
}

void WatchedFile::look() {
  if (looking_) {
    again_ = true;
    return;
  }
  looking_ = true;
  patience_.start(settings_.patience, [this] { events_.stuck(); });
  const auto found = std::make_shared<std::string>();
  run_in_worker([found, path = path_] { *found = state_of(path); },
                [found, weak = weak_from_this()] {
                  if (const auto self = weak.lock())
                    self->looked(*found);
                },
                true);
}

void WatchedFile::looked(const std::string &now) {
  looking_ = false;
  patience_.stop();
  if (std::exchange(again_, false))
    return look();
  if (now == known_ && !always_) {
    settles_.clear();
    return;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(settled_at_ - Clock::now());
  if (now == settles_ && left.count() <= 0) {
    settles_.clear();
    known_ = now;
    return events_.changed();
  }
  const bool same = now == std::exchange(settles_, now);
  if (!same)
    settled_at_ = Clock::now() + settings_.settle;
  settling_.start(same ? left : settings_.settle, [this] { look(); });
}

}  // namespace examples
