// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gst_ptr.h"
#include "timer.h"

namespace examples {

// Says when a file has changed, on the thread's default main context: written in place, replaced by
// renaming, or behind a link that was turned elsewhere (as Kubernetes does), gone, or readable
// again. Waits until it has been the same for a while, since half a file may read like a whole one.
// Looks from another thread: on a network file system that is gone that may never end.
class WatchedFile : public std::enable_shared_from_this<WatchedFile> {
 public:
  struct Settings {
    std::chrono::milliseconds look_every, settle;
    std::chrono::milliseconds patience;  // with a look that does not end
  };
  struct Events {
    std::function<void()> changed;
    std::function<void()> stuck;  // a look did not end in time
  };

  WatchedFile(const std::string &path, Settings settings, Events events);
  ~WatchedFile();
  WatchedFile(const WatchedFile &) = delete;
  WatchedFile &operator=(const WatchedFile &) = delete;

  void look_now();  // waits, to begin with
  // Says so each time it looks, whether the file has changed or not.
  void keep_trying(bool always) { always_ = always; }

 private:
  static void on_folder_event(GFileMonitor *, GFile *, GFile *, GFileMonitorEvent,
                              WatchedFile *self);
  void look_now_and_then();
  void look();
  void looked(const std::string &now);

  using Clock = std::chrono::steady_clock;
  const std::string path_;
  const Settings settings_;
  const Events events_;
  examples::ObjectPtr<GFileMonitor> monitor_;
  Timer next_look_, settling_, patience_;
  bool looking_ = false, again_ = false;
  std::string known_;    // what was told last
  std::string settles_;  // what is waited for to stay; empty: nothing
  Clock::time_point settled_at_;
  bool always_ = false;
};

}  // namespace examples
