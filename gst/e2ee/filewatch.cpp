/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filewatch.h"

#include <gst/e2ee/e2ee-enums.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/secret.h"
#include "errors.h"
#include "folderevents.h"

namespace e2ee {

namespace {

constexpr std::chrono::milliseconds kSettle{200};
// A file that is written again and again is taken after this time, between two writes.
constexpr std::chrono::seconds kLongestSettle{2};
// Whoever has the file open and writes nothing for so long is taken to have written all.
constexpr std::chrono::seconds kWriterPatience{10};
// For what the kernel does not tell: network file systems, mounts, links in other folders.
constexpr std::chrono::seconds kLookEvery{2};
// What happens to the file after start() has returned is seen, if the first look takes no longer.
constexpr std::chrono::seconds kStartPatience{1};

// Different whenever there is reason to read the file again.
struct FileState {
  int error = 0;
  bool is_regular = false;
  dev_t device{};
  ino_t inode{};
  off_t size{};
  std::int64_t modified{}, changed{};  // nanoseconds; permissions count for the second
  bool operator==(const FileState &) const = default;
};

std::int64_t nanoseconds(const timespec &time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileState state_of(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return {errno};
  return {0,
          S_ISREG(info.st_mode),
          info.st_dev,
          info.st_ino,
          info.st_size,
          nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

}  // namespace

// ---- one file -----------------------------------------------------------------------------------

struct FileWatch::Watched {
  Watched(const std::string &file, std::function<void()> call)
      : path(file), changed(std::move(call)), settling(state_of(path)) {}

  /// Something happened in a folder: `name` is empty when it happened to the folder itself.
  void heed(int folder, std::uint32_t events, std::string_view name);
  /// Looks whether the file is another than before.
  void look(FolderEvents &folders);
  /// When the file that was found is to be taken, if it stays as it is.
  std::optional<Clock::time_point> due() const;
  /// Tells that the file is another.
  void take();
  void leave(FolderEvents &folders);

  const std::string path;
  const std::function<void()> changed;
  std::promise<void> looked_at;  // once, and its folders are watched
  std::atomic<bool> again{false};
  std::atomic<bool> gone{false};

  // Of the watch thread.
  bool dirty = true;
  FileState known{};
  // Found and not yet told of. To begin with what is there, since it may have changed after the
  // caller read it.
  std::optional<FileState> settling;
  Clock::time_point first_found = Clock::now();
  Clock::time_point last_found = first_found;

 private:
  void find_folders(FolderEvents &folders);

  bool has_looked_ = false;
  bool linked_ = false;
  std::string name_, target_name_;  // of the path, and of the file that links lead to
  int folder_ = -1, target_folder_ = -1;
  std::optional<Clock::time_point> written_;  // last, by someone who still has it open
};

void FileWatch::Watched::heed(int folder, std::uint32_t events, std::string_view name) {
  if (folder != folder_ && folder != target_folder_)
    return;
  if (folder == target_folder_ && name == target_name_) {
    if (events & FolderEvents::kWritten)
      written_ = Clock::now();
    else
      written_.reset();  // closed, or another file
    dirty = true;
  }
  dirty = dirty || linked_ || name.empty() || name == name_;
}

// Where links lead may change with the file.
void FileWatch::Watched::find_folders(FolderEvents &folders) {
  const auto split = [](const char *file, std::string &name) {
    g_autofree gchar *folder = g_path_get_dirname(file);
    g_autofree gchar *base = g_path_get_basename(file);
    name = base;
    return std::string(folder);
  };
  const std::unique_ptr<char, decltype(&free)> target(realpath(path.c_str(), nullptr), free);
  const std::pair before(target_folder_, target_name_);
  const int old_folder = folder_;
  folder_ = folders.add(split(path.c_str(), name_));
  target_folder_ = folders.add(split(target ? target.get() : path.c_str(), target_name_));
  linked_ = name_ != target_name_ || folder_ != target_folder_;
  if (before != std::pair(target_folder_, target_name_))
    written_.reset();  // that was another file, or the link itself
  folders.remove(old_folder);
  folders.remove(before.first);
}

void FileWatch::Watched::leave(FolderEvents &folders) {
  folders.remove(folder_);
  folders.remove(target_folder_);
}

void FileWatch::Watched::look(FolderEvents &folders) {
  dirty = false;
  const FileState now = state_of(path);
  if (folder_ < 0 || now != settling.value_or(known))
    find_folders(folders);
  if (!now.is_regular)
    written_.reset();  // nobody writes a folder, a FIFO or a link
  if (!std::exchange(has_looked_, true))
    looked_at.set_value();
  if (now == settling)
    return;
  if (now == known) {
    settling.reset();
    return;
  }
  last_found = Clock::now();
  if (!settling)
    first_found = last_found;
  settling = now;
}

std::optional<Clock::time_point> FileWatch::Watched::due() const {
  if (!settling)
    return std::nullopt;
  const Clock::time_point settled = std::min(last_found + kSettle, first_found + kLongestSettle);
  return written_ ? std::max(settled, *written_ + kWriterPatience) : settled;
}

void FileWatch::Watched::take() {
  known = settling.value_or(known);
  settling.reset();
  again = false;
  changed();
}

// ---- the thread ---------------------------------------------------------------------------------

class FileWatch::Watcher {
 public:
  /// Never freed: the thread may outlive everything. A forked child gets one of its own, since the
  /// parent's mutex may have been locked.
  static Watcher &instance() {
    static std::atomic<Watcher *> current{nullptr};
    Watcher *found = current;
    while (found == nullptr || !found->is_of_this_process()) {
      auto fresh = std::make_unique<Watcher>();
      if (current.compare_exchange_strong(found, fresh.get()))
        found = fresh.release();
    }
    return *found;
  }

  bool is_of_this_process() const { return fork_ == fork_generation(); }

  /// False when there is no thread, and none can be had.
  bool add(const std::shared_ptr<Watched> &watched) {
    std::lock_guard lock(mutex_);
    if (wake_ < 0 && !start_thread())
      return false;
    watched_.push_back(watched);
    wake();
    return true;
  }

  void remove(const std::shared_ptr<Watched> &watched) {
    std::lock_guard lock(mutex_);
    watched->gone = true;
    watched_.erase(std::find(watched_.begin(), watched_.end(), watched));
    wake();
  }

 private:
  using Files = std::vector<std::shared_ptr<Watched>>;

  // Mutex held. The thread waits for it before it looks whether there is something to do.
  bool start_thread() {
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0)
      return false;
    try {
      std::thread([this, wake = wake_] { work(wake); }).detach();
      return true;
    } catch (const std::system_error &) {
      close(std::exchange(wake_, -1));
      return false;
    }
  }

  // Mutex held.
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
  }

  // False, and the thread is no more, when there is no file to watch.
  bool take_files(Files &files, FolderEvents &folders) {
    for (const auto &each : files) {
      if (each->gone)
        each->leave(folders);
    }
    std::lock_guard lock(mutex_);
    files = watched_;
    if (files.empty())
      close(std::exchange(wake_, -1));
    return !files.empty();
  }

  // Without the mutex while it looks: on a network file system that is gone that may take for ever.
  void work(int wake) {
    pthread_setname_np(pthread_self(), "e2ee-watch");
    FolderEvents folders;
    Files files;
    Clock::time_point next_look = Clock::now() + kLookEvery;
    while (take_files(files, folders)) {
      const bool look_at_all = Clock::now() >= next_look;
      if (look_at_all)
        next_look = Clock::now() + kLookEvery;
      Clock::time_point until = next_look;
      for (const auto &file : files) {
        if (look_at_all || file->dirty || file->settling)
          file->look(folders);
        const auto due = file->due();
        if (due ? *due <= Clock::now() : look_at_all && file->again)
          file->take();
        else if (due)
          until = std::min(until, *due);
      }
      folders.wait(wake, until - Clock::now(), [&files](int folder, auto events, auto name) {
        for (const auto &file : files)
          file->heed(folder, events, name);
      });
    }
  }

  const unsigned fork_ = fork_generation();
  std::mutex mutex_;
  Files watched_;
  int wake_ = -1;  // while the thread is there
};

// ---- what others see ----------------------------------------------------------------------------

FileWatch::FileWatch(Watcher &watcher, std::shared_ptr<Watched> watched)
    : watcher_(watcher), watched_(std::move(watched)) {}

FileWatch::~FileWatch() {
  if (watcher_.is_of_this_process())
    watcher_.remove(watched_);
}

std::unique_ptr<FileWatch> FileWatch::start(const std::string &path, std::function<void()> changed,
                                            GError **error) {
  auto watched = std::make_shared<Watched>(path, std::move(changed));
  Watcher &watcher = Watcher::instance();
  if (watcher.add(watched)) {
    watched->looked_at.get_future().wait_for(kStartPatience);
    return std::unique_ptr<FileWatch>(new FileWatch(watcher, std::move(watched)));
  }
  fail(error, GST_E2EE_ERROR_LIMIT,
       "watch: this process may have no more threads or files; raise its limits, or leave watch "
       "out");
  return nullptr;
}

void FileWatch::try_again() {
  watched_->again = true;
}

}  // namespace e2ee
