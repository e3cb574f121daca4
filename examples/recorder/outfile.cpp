// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "mapped.h"
#include "names.h"

namespace recorder {

namespace {

constexpr int kMostTries = 100;

std::string taken(const std::string &path) {
  return path + " exists already and is not overwritten: choose another name with -o";
}

std::string in_proc(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

std::string folder_of(const std::string &path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync(const std::string &folder) {
  if (const int error = sync_folder(AT_FDCWD, folder.c_str()))
    throw Failure("cannot make sure that the folder " + folder +
                  " is on the disk: " + g_strerror(error));
}

// OUT.mkv, OUT.2.mkv, OUT.3.mkv
std::string numbered(const std::string &path, std::size_t number) {
  std::filesystem::path result(path);
  const std::string extension = result.extension().string();
  return result.replace_extension("." + std::to_string(number) + extension).string();
}

}  // namespace

// ---- one file -----------------------------------------------------------------------------------

NewFile::NewFile(const std::string &path) : path_(path) {
  if (faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    throw Failure(taken(path));
  if (!open_nameless())
    open_part();
}

NewFile::~NewFile() {
  if (fd_ >= 0)
    close(fd_);
  if (!part_.empty())
    unlink(part_.c_str());
  if (named_ && !kept_)
    unlink(path_.c_str());
}

bool NewFile::open_nameless() {
  fd_ = open(folder_of(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ < 0)
    return false;
  // The name is given through /proc.
  if (access(in_proc(fd_).c_str(), F_OK) == 0)
    return true;
  close(fd_);
  fd_ = -1;
  return false;
}

void NewFile::open_part() {
  for (int i = 1; fd_ < 0 && i <= kMostTries; ++i) {
    part_ = path_ + ".part" + (i > 1 ? std::to_string(i) : "");
    fd_ = open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd_ < 0 && errno != EEXIST)
      break;
  }
  if (fd_ < 0) {
    const std::string problem = g_strerror(errno);
    throw Failure("cannot create " + part_ + ": " + problem);
  }
}

int NewFile::descriptor() const {
  const int fd = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0)
    throw Failure("cannot write " + path_ + ": " + g_strerror(errno));
  return fd;
}

void NewFile::give_name() {
  named_ = part_.empty() ? linkat(AT_FDCWD, in_proc(fd_).c_str(), AT_FDCWD, path_.c_str(),
                                  AT_SYMLINK_FOLLOW) == 0
                         : rename_part();
  if (!named_)
    throw Failure(errno == EEXIST ? taken(path_)
                                  : "cannot name the file " + path_ + ": " + g_strerror(errno));
}

// Where the file system cannot rename without overwriting, a second name does the same.
bool NewFile::rename_part() {
  if (renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    part_.clear();
    return true;
  }
  if ((errno != EINVAL && errno != ENOSYS) || link(part_.c_str(), path_.c_str()) != 0)
    return false;
  if (unlink(part_.c_str()) == 0)
    part_.clear();
  return true;
}

// ---- all of them --------------------------------------------------------------------------------

OutFile::OutFile(const std::string &path, bool webm, std::int64_t started_unix_ns)
    : webm_(webm), started_unix_ns_(started_unix_ns) {
  begin(path, started_unix_ns);
}

void OutFile::begin(const std::string &path, std::int64_t started_unix_ns) {
  files_.push_back(std::make_unique<NewFile>(path));
  matroska_ = std::make_unique<Matroska>(files_.back()->descriptor(), webm_,
                                         std::map<std::string, std::string>{}, started_unix_ns);
}

void OutFile::begin_next(std::int64_t time_ns) {
  matroska_->finish();
  tracks_.clear();
  begin(numbered(files_.front()->path(), files_.size() + 1),
        started_unix_ns_ + time_ns - first_ns_.value_or(time_ns));
}

OutFile::Track &OutFile::track_of(unsigned track, GstCaps *caps, std::int64_t time_ns) {
  const auto found = tracks_.find(track);
  if (found != tracks_.end()) {
    Track &known = found->second;
    if (known.caps.get() == caps || gst_caps_is_equal(known.caps.get(), caps))
      return known;
    const Format next = format_from_caps(caps);
    if (known.format.continues(next)) {
      known.caps.reset(gst_caps_ref(caps));
      grow(known, next.track.width, next.track.height);
      return known;
    }
    begin_next(time_ns);
  }
  Track added{examples::CapsPtr(gst_caps_ref(caps)), format_from_caps(caps), 0};
  added.number = matroska_->add_track(added.format.track);
  return tracks_.emplace(track, std::move(added)).first->second;
}

// The head names the largest size.
void OutFile::grow(Track &track, unsigned width, unsigned height) {
  Matroska::Track &now = track.format.track;
  if (std::uint64_t{width} * height <= std::uint64_t{now.width} * now.height)
    return;
  now.width = width;
  now.height = height;
  matroska_->set_size(track.number, width, height);
}

void OutFile::write(unsigned number, GstCaps *caps, GstBuffer *frame) {
  const auto time = static_cast<std::int64_t>(GST_BUFFER_PTS(frame));
  Track &track = track_of(number, caps, time);
  if (!first_ns_)
    first_ns_ = time;
  const Mapped mapped(frame);
  Picture picture{.keyframe = true};
  if (track.format.track.is_video()) {
    const bool delta = GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
    picture = look_at_picture(track.format, mapped.bytes(), delta, true);
    grow(track, picture.width, picture.height);
  }
  matroska_->write(track.number, time, picture.keyframe, mapped.bytes());
}

void OutFile::commit() {
  matroska_->finish();
  for (const auto &file : files_)
    file->give_name();
  sync(folder_of(files_.front()->path()));
  for (const auto &file : files_)
    file->keep();
}

std::vector<std::string> OutFile::spare_names() const {
  std::vector<std::string> names;
  for (const auto &file : files_) {
    if (!file->spare_name().empty())
      names.push_back(file->spare_name());
  }
  return names;
}

std::vector<std::string> OutFile::paths() const {
  std::vector<std::string> paths;
  for (const auto &file : files_)
    paths.push_back(file->path());
  return paths;
}

}  // namespace recorder
