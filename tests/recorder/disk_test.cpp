// SPDX-License-Identifier: LGPL-2.1-or-later
// Disks that are full or refuse to write.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "recorded.h"

namespace {

using namespace media;
using namespace std::chrono_literals;
using recorder::Recording;

// A disk that takes its time to sync: until this goes, or is told to go on.
class SlowDisk {
 public:
  SlowDisk() { set(true); }
  ~SlowDisk() { go_on(); }

  void go_on() { set(false); }
  static void wait() {
    std::unique_lock lock{mutex};
    waits += is_slow;
    changed.notify_all();
    changed.wait(lock, [] { return !is_slow; });
  }
  static bool wait_for_sync() {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 1min, [] { return waits > 0; });
  }

 private:
  static void set(bool slow) {
    const std::lock_guard lock{mutex};
    is_slow = slow;
    waits = 0;
    changed.notify_all();
  }

  static inline std::mutex mutex;
  static inline std::condition_variable changed;
  static inline bool is_slow = false;
  static inline unsigned waits = 0;
};

// A file system of its own, as small as asked.
class SmallDisk {
 public:
  explicit SmallDisk(const char *size) {
    const std::string options = std::string{"mode=0700,size="} + size;
    mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    error_ = errno;
    if (mounted_)
      fd_ = open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~SmallDisk() {
    if (fd_ >= 0)
      close(fd_);
    if (mounted_)
      umount2(folder_.path().c_str(), MNT_DETACH);
  }

  bool is_mounted() const { return mounted_; }
  std::string problem() const { return std::strerror(error_); }
  int fd() const { return fd_; }
  std::string path(const std::string &name) const { return folder_ / name; }
  const Folder &folder() const { return folder_; }

 private:
  Folder folder_;
  bool mounted_;
  int error_, fd_ = -1;
};

// What was sent to a recording, to find again in its files.
struct Sent {
  std::array<std::vector<Frame>, 2> frames;

  void push(Recording &recording, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
      push_one(recording, Media::kVideo, kVp8Caps, video_frame(i, 12000));
      push_one(recording, Media::kAudio, kOpusCaps, audio_frame(2 * i));
    }
  }
  std::uint64_t count() const { return frames[0].size() + frames[1].size(); }

 private:
  void push_one(Recording &recording, Media media, const char *caps, const Frame &frame) {
    recording.push(media, make_sample(caps, frame).get());
    frames[static_cast<int>(media)].push_back(frame);
  }
};

// The files hold the frames that were sent, in order, each once. Answers how many.
std::uint64_t expect_found(const Sent &sent, const std::vector<File> &files) {
  std::uint64_t found = 0;
  for (const Media media : {Media::kVideo, Media::kAudio}) {
    auto next = sent.frames[static_cast<int>(media)].begin();
    const auto end = sent.frames[static_cast<int>(media)].end();
    for (const File &file : files)
      for (const Frame &frame : file.tracks[static_cast<int>(media)].frames) {
        next = std::find_if(next, end, [&](const Frame &one) { return one.bytes == frame.bytes; });
        if (next == end) {
          ADD_FAILURE() << "a frame that was not sent, or not in this order";
          return found;
        }
        ++next;
        found++;
      }
  }
  return found;
}

TEST(FullDisk, LosesCountedFramesAndGoesOnWhenThereIsRoom) {
  const SmallDisk disk{"1m"};
  if (!disk.is_mounted())
    GTEST_SKIP() << "FullDisk.LosesCountedFramesAndGoesOnWhenThereIsRoom: no tmpfs can be mounted "
                 << "here: " << disk.problem();
  ASSERT_TRUE(g_file_set_contents(disk.path("other").c_str(), std::string(300000, 'x').c_str(),
                                  300000, nullptr));
  Told told;
  Sent sent;
  Recording recording{settings_for(told, disk.fd(), "alice")};
  sent.push(recording, 0, 200);  // 2.4 MB
  EXPECT_EQ(recording.counts().state, "disk-full");
  ASSERT_EQ(told.troubles.size(), 1U);
  EXPECT_EQ(told.troubles[0].find("disk full: "), 0U) << told.troubles[0];
  const auto lost_before = recording.counts().lost;
  EXPECT_GT(lost_before, 100U);

  // Not yet room: it tries again, in vain and without another word.
  {
    const int filler = open(disk.path("more").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    while (write(filler, page.data(), page.size()) > 0) {
    }
    close(filler);
  }
  std::this_thread::sleep_for(1050ms);
  recording.tick();
  sent.push(recording, 200, 210);
  EXPECT_EQ(recording.counts().state, "disk-full");
  EXPECT_EQ(told.troubles.size(), 1U);
  EXPECT_EQ(told.started.size(), 1U);  // no files of nothing

  ASSERT_EQ(unlink(disk.path("other").c_str()), 0);
  ASSERT_EQ(unlink(disk.path("more").c_str()), 0);
  std::this_thread::sleep_for(2050ms);
  recording.tick();
  sent.push(recording, 210, 230);
  EXPECT_EQ(recording.counts().state, "recording");
  recording.finish("left");

  ASSERT_EQ(told.reasons(), (std::vector<std::string>{"disk-full", "left"}));
  EXPECT_EQ(disk.folder().names(), (std::vector<std::string>{"alice.2.webm", "alice.webm"}));
  std::vector<File> files;
  for (const auto &closed : told.closed) {
    files.push_back(read_file(disk.path(closed.file)));
    EXPECT_EQ(files.back().error, "");
    EXPECT_TRUE(GST_CLOCK_TIME_IS_VALID(files.back().duration));
    EXPECT_EQ(closed.frames,
              files.back().video().frames.size() + files.back().audio().frames.size());
  }
  EXPECT_EQ(files[1].video().frames.size(), 20U);
  const auto counts = recording.counts();
  EXPECT_EQ(expect_found(sent, files) + counts.lost, sent.count());
  EXPECT_EQ(counts.video + counts.audio + counts.lost, sent.count());
  EXPECT_EQ(counts.state, "ended");
}

TEST(FullDisk, LeavesNothingBehindWhereNoSealedFileFits) {
  const SmallDisk disk{"32k"};
  if (!disk.is_mounted())
    GTEST_SKIP() << "FullDisk.LeavesNothingBehindWhereNoSealedFileFits: no tmpfs can be mounted "
                 << "here: " << disk.problem();
  Told told;
  Sent sent;
  auto settings = settings_for(told, disk.fd(), "alice");
  settings.seal.emplace();
  Recording recording{settings};
  sent.push(recording, 0, 5);
  recording.finish("left");
  EXPECT_TRUE(disk.folder().names().empty());
  EXPECT_EQ(recording.counts().lost, 10U);
  EXPECT_EQ(told.troubles.size(), 1U);
  EXPECT_TRUE(told.started.empty());
}

TEST(FullDisk, IsToldWhereNoFileCanBeMade) {
  const SmallDisk disk{"1m,nr_inodes=1"};
  if (!disk.is_mounted())
    GTEST_SKIP() << "FullDisk.IsToldWhereNoFileCanBeMade: no tmpfs can be mounted here: "
                 << disk.problem();
  Told told;
  Sent sent;
  Recording recording{settings_for(told, disk.fd(), "alice")};
  sent.push(recording, 0, 5);
  EXPECT_EQ(recording.counts().state, "disk-full");
  EXPECT_EQ(recording.counts().lost, 10U);
  ASSERT_EQ(told.troubles.size(), 1U);
  EXPECT_EQ(told.troubles[0].find("disk full: cannot create alice.webm: "), 0U) << told.troubles[0];
}

TEST(SlowDisk, DelaysNoWithdrawal) {
  const Folder folder;
  Told told;
  Recording recording{settings_for(told, folder.fd(), "alice")};
  SlowDisk disk;
  std::thread stream{[&recording] {
    recording.push(Media::kVideo, make_sample(kVp8Caps, video_frame(0)).get());
    recording.push(Media::kAudio, make_sample(kOpusCaps, audio_frame(0)).get());
  }};
  ASSERT_TRUE(SlowDisk::wait_for_sync());
  auto withdrawn = std::async(std::launch::async, [&recording] {
    recording.tick();
    recording.withdraw();
    recording.tick();
    return recording.counts().state;
  });
  const bool waited = withdrawn.wait_for(10s) == std::future_status::timeout;
  disk.go_on();
  stream.join();
  EXPECT_FALSE(waited);
  EXPECT_EQ(withdrawn.get(), "withdrawn");
  recording.finish("left");
  EXPECT_EQ(told.reasons(), std::vector<std::string>{"withdrawn"});
  EXPECT_EQ(told.closed[0].frames, 0U);
  EXPECT_EQ(recording.counts().video + recording.counts().audio, 0U);
}

TEST(BrokenDisk, LosesCountedFramesAndGoesOn) {
  const Folder folder;
  Told told;
  Sent sent;
  Recording recording{settings_for(told, folder.fd(), "alice")};
  {
    const FileLimit limit{500001};
    sent.push(recording, 0, 100);
    EXPECT_EQ(recording.counts().state, "error");
  }
  ASSERT_EQ(told.troubles.size(), 1U);
  EXPECT_NE(told.troubles[0].find("File too large"), std::string::npos) << told.troubles[0];
  std::this_thread::sleep_for(1050ms);
  recording.tick();
  sent.push(recording, 100, 150);
  recording.finish("left");
  ASSERT_EQ(told.reasons(), (std::vector<std::string>{"error", "left"}));
  const std::vector<File> files{read_file(folder / "alice.webm"),
                                read_file(folder / "alice.2.webm")};
  EXPECT_EQ(files[0].error, "");
  EXPECT_GT(files[0].video().frames.size(), 20U);
  EXPECT_EQ(files[1].video().frames.size(), 50U);
  EXPECT_EQ(expect_found(sent, files) + recording.counts().lost, sent.count());
}

TEST(BrokenDisk, SaysThatTheFolderIsGone) {
  Told told;
  Sent sent;
  const Folder folder;
  std::filesystem::remove(folder.path());
  Recording recording{settings_for(told, folder.fd(), "alice")};
  sent.push(recording, 0, 5);
  recording.finish("left");
  EXPECT_EQ(recording.counts().lost, 10U);
  ASSERT_EQ(told.troubles.size(), 1U);
  EXPECT_NE(told.troubles[0].find("cannot create alice.webm"), std::string::npos);
}

}  // namespace

// In place of the C library's, for the recorder in this program.
extern "C" int fdatasync(int fd) {
  SlowDisk::wait();
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
