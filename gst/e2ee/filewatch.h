/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <string>

namespace e2ee {

/// Follows one file: written in place, replaced by renaming, behind a link that was turned
/// elsewhere (as Kubernetes does), gone, or readable again.
///
/// All watches of a process share one thread, which ends with the last of them. It needs no main
/// loop. Exit and fork do not wait for it; a forked child has no watches of its parent.
class FileWatch {
 public:
  /// `changed` is called on that thread and must not block. It is called once the file has been the
  /// same for a while and nobody is writing to it: half a file may read like a whole one. A call
  /// that is under way may end after the watch. Null, with an error, when the system has no thread
  /// left.
  static std::unique_ptr<FileWatch> start(const std::string &path, std::function<void()> changed,
                                          GError **error);
  ~FileWatch();
  FileWatch(const FileWatch &) = delete;
  FileWatch &operator=(const FileWatch &) = delete;

  /// What `changed` found could not be used: it is called again soon, whether the file changes or
  /// not.
  void try_again();

 private:
  struct Watched;
  class Watcher;
  FileWatch(Watcher &watcher, std::shared_ptr<Watched> watched);

  Watcher &watcher_;
  const std::shared_ptr<Watched> watched_;
};

}  // namespace e2ee
