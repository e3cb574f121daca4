// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <functional>
#include <string>

#include "common/gst_ptr.h"
#include "timer.h"

namespace recorder {

// Says when a file has changed, on the thread's default main context: written in place, replaced by
// renaming, or behind a link that was turned elsewhere (as Kubernetes does), gone, or readable
// again. Waits until it has been the same for a while, since half a file may read like a whole one.
class WatchedFile {
 public:
  WatchedFile(const std::string &path, std::chrono::milliseconds look_every,
              std::chrono::milliseconds settle, std::function<void()> changed);
  ~WatchedFile();
  WatchedFile(const WatchedFile &) = delete;
  WatchedFile &operator=(const WatchedFile &) = delete;

  void look_now();
  // Says so each time it looks, whether the file has changed or not.
  void keep_trying(bool always) { always_ = always; }

 private:
  static void on_folder_event(GFileMonitor *, GFile *, GFile *, GFileMonitorEvent,
                              WatchedFile *self);
  std::string state() const;
  void look_now_and_then();
  void look();
  void settled();

  const std::string path_;
  const std::chrono::milliseconds look_every_;
  const std::chrono::milliseconds settle_;
  const std::function<void()> changed_;
  examples::ObjectPtr<GFileMonitor> monitor_;
  Timer looking_;
  Timer settling_;
  std::string known_;    // what was told last
  std::string settles_;  // what is waited for to stay
  bool always_ = false;
};

}  // namespace recorder
