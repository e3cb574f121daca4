// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "mapped.h"

namespace recorder {

namespace {

constexpr int kMostTries = 100;

std::string taken(const std::string &path) {
  return path + " exists already and is not overwritten: choose another name with -o";
}

// Where the file system cannot rename without overwriting, a second name does the same.
bool rename_new(const std::string &from, const std::string &to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return true;
  if (errno != EINVAL && errno != ENOSYS)
    return false;
  return link(from.c_str(), to.c_str()) == 0 && unlink(from.c_str()) == 0;
}

}  // namespace

OutFile::OutFile(const std::string &path, bool webm, std::int64_t started_unix_ns) : path_(path) {
  if (faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    throw Failure(taken(path));
  int fd = -1;
  for (int i = 1; fd < 0 && i <= kMostTries; ++i) {
    part_ = path + ".part" + (i > 1 ? std::to_string(i) : "");
    fd = open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
      break;
  }
  if (fd < 0) {
    const std::string problem = g_strerror(errno);
    throw Failure("cannot create " + part_ + ": " + problem);
  }
  try {
    matroska_ =
        std::make_unique<Matroska>(fd, webm, std::map<std::string, std::string>{}, started_unix_ns);
  } catch (...) {
    unlink(part_.c_str());
    throw;
  }
}

OutFile::~OutFile() {
  if (!part_.empty())
    unlink(part_.c_str());
}

OutFile::Track &OutFile::track_of(unsigned track, GstCaps *caps) {
  const auto found = tracks_.find(track);
  if (found != tracks_.end()) {
    Track &known = found->second;
    if (known.caps.get() == caps || gst_caps_is_equal(known.caps.get(), caps))
      return known;
    const Format next = format_from_caps(caps);
    if (!known.format.continues(next))
      throw Failure("the " + next.codec +
                    " stream changes its parameters on the way, which one "
                    "file cannot hold");
    known.caps.reset(gst_caps_ref(caps));
    grow(known, next.track.width, next.track.height);
    return known;
  }
  Track added{SharedCaps(gst_caps_ref(caps)), format_from_caps(caps), 0};
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
  Track &track = track_of(number, caps);
  const Mapped mapped(frame);
  Picture picture{.keyframe = true};
  if (track.format.track.is_video()) {
    const bool delta = GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
    picture = look_at_picture(track.format, mapped.bytes(), delta, true);
    grow(track, picture.width, picture.height);
  }
  matroska_->write(track.number, static_cast<std::int64_t>(GST_BUFFER_PTS(frame)), picture.keyframe,
                   mapped.bytes());
}

void OutFile::commit() {
  matroska_->finish();
  if (!rename_new(part_, path_))
    throw Failure(errno == EEXIST ? taken(path_)
                                  : "cannot name the file " + path_ + ": " + g_strerror(errno));
  part_.clear();
}

}  // namespace recorder
