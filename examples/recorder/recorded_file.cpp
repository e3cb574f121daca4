// SPDX-License-Identifier: LGPL-2.1-or-later
#include "recorded_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "common/hex.h"

namespace recorder {

using examples::CharPtr;

namespace {

constexpr std::uint64_t kSomeRoom = 256 * 1024;
constexpr char kSidecar[] = ".json";

std::string now_rfc3339() {
  using DatePtr = std::unique_ptr<GDateTime, examples::FreeWith<&g_date_time_unref>>;
  const DatePtr now{g_date_time_new_now_utc()};
  return CharPtr{g_date_time_format_iso8601(now.get())}.get();
}

bool is_webm(const RecordedFile::Formats &formats) {
  for (const auto &format : formats)
    if (format && !format->codec->in_webm)
      return false;
  return true;
}

void write_all(int fd, const std::string &text, const std::string &name) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(fd, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      throw WriteFailure("writing " + name, written < 0 ? errno : EIO);
    at += static_cast<std::size_t>(written);
  }
  if (fsync(fd) != 0)
    throw WriteFailure("syncing " + name, errno);
}

void write_new_file(int folder, const std::string &name, const std::string &text) {
  const int fd =
      openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    throw WriteFailure("creating " + name, errno);
  try {
    write_all(fd, text, name);
  } catch (const Failure &) {
    close(fd);
    unlinkat(folder, name.c_str(), 0);
    throw;
  }
  close(fd);
}

void sync(int folder) {
  if (const int error = sync_folder(folder, "."))
    throw WriteFailure("syncing the folder", error);
}

}  // namespace

RecordedFile::RecordedFile(int folder, const std::string &stem, std::optional<Seal> seal,
                           const Formats &formats, std::uint64_t expected,
                           const std::string &comment)
    : folder_(folder),
      seal_(std::move(seal)),
      created_(create_file(folder, stem, !seal_ && is_webm(formats) ? "webm" : "mkv",
                           seal_ ? kSidecar : "")),
      read_fd_(fcntl(created_.fd, F_DUPFD_CLOEXEC, 0)),
      webm_(!seal_ && is_webm(formats)),
      matroska_(created_.fd, webm_, {}, g_get_real_time() * 1000) {
  try {
    if (seal_) {
      seal_->started = now_rfc3339();
      seal_->streams.clear();
      describe(formats);
    } else {
      if (!comment.empty())
        matroska_.set_tag("COMMENT", comment);
      sync(folder_);
    }
    for (const Media media : {Media::kVideo, Media::kAudio})
      if (const auto &format = formats[static_cast<int>(media)])
        add_track(media, *format);
    matroska_.reserve(expected + kSomeRoom);
  } catch (...) {
    unlinkat(folder_, created_.name.c_str(), 0);
    if (has_sidecar_)
      unlinkat(folder_, (created_.name + kSidecar).c_str(), 0);
    if (read_fd_ >= 0)
      close(read_fd_);
    throw;
  }
}

RecordedFile::~RecordedFile() {
  if (read_fd_ >= 0)
    close(read_fd_);
}

bool RecordedFile::takes(Media media, const Format &format) const {
  const auto &track = tracks_[static_cast<int>(media)];
  return track ? track->format.continues(format) : !webm_ || format.codec->in_webm;
}

void RecordedFile::write(Media media, const Format &format, std::int64_t time_ns, bool delta_flag,
                         std::span<const std::uint8_t> frame) {
  auto &track = tracks_[static_cast<int>(media)];
  if (!track) {
    if (seal_) {
      Formats added;
      added[static_cast<int>(media)] = format;
      describe(added);
    }
    add_track(media, format);
  }
  Picture picture{.keyframe = true};
  if (media == Media::kVideo) {
    picture = look_at_picture(format, frame, delta_flag, track->is_readable);
    update_size(*track, format.track.width, format.track.height);
    update_size(*track, picture.width, picture.height);
    if (picture.width > 0)
      size_ = {picture.width, picture.height};
    else if (format.track.width > 0)
      size_ = {format.track.width, format.track.height};
  }
  matroska_.write(track->number, time_ns, picture.keyframe, frame);
  if (matroska_.pending() == 1)  // those before it went out
    count_written();
  gathered_[static_cast<int>(media)]++;
}

void RecordedFile::flush() {
  matroska_.flush();
  count_written();
}

void RecordedFile::count_written() {
  for (std::size_t i = 0; i < written_.size(); i++)
    written_[i] += gathered_[i];
  gathered_ = {};
}

// Senders change the size as the network lets them; the head names the largest one.
void RecordedFile::update_size(OpenTrack &track, unsigned width, unsigned height) {
  Matroska::Track &now = track.format.track;
  if (std::uint64_t{width} * height <= std::uint64_t{now.width} * now.height)
    return;
  now.width = width;
  now.height = height;
  matroska_.set_size(track.number, width, height);
}

void RecordedFile::add_track(Media media, const Format &format) {
  tracks_[static_cast<int>(media)] =
      OpenTrack{.format = format,
                .number = matroska_.add_track(format.track),
                .is_readable = !seal_ || seal_->leaves_readable(*format.codec)};
}

// Before the first frame of these: without it nobody can open them.
void RecordedFile::describe(const Formats &formats) {
  for (const Media media : {Media::kVideo, Media::kAudio})
    if (const auto &format = formats[static_cast<int>(media)])
      seal_->streams.push_back({examples::media_name(media), format->codec->name, format->caps});
  const std::string json = seal_->to_json();
  write_sidecar(json);
  matroska_.set_tag("COMMENT", json);
}

void RecordedFile::write_sidecar(const std::string &json) {
  const std::string name = created_.name + kSidecar;
  if (!has_sidecar_) {
    write_new_file(folder_, name, json);
    has_sidecar_ = true;
  } else {
    const std::string next = name + ".new";
    unlinkat(folder_, next.c_str(), 0);  // of a recorder that was killed
    write_new_file(folder_, next, json);
    if (renameat(folder_, next.c_str(), folder_, name.c_str()) != 0)
      throw WriteFailure("replacing " + name, errno);
  }
  sync(folder_);
}

std::string RecordedFile::hash() const {
  using ContextPtr = std::unique_ptr<EVP_MD_CTX, examples::FreeWith<&EVP_MD_CTX_free>>;
  const ContextPtr context{EVP_MD_CTX_new()};
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<std::uint8_t> part(1 << 20);
  for (off_t at = 0; good;) {
    const ssize_t got = pread(read_fd_, part.data(), part.size(), at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      throw Failure("cannot read " + name() + " for its hash: " + std::strerror(errno));
    if (got == 0)
      break;
    good = EVP_DigestUpdate(context.get(), part.data(), static_cast<std::size_t>(got)) == 1;
    at += got;
  }
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!good || EVP_DigestFinal_ex(context.get(), digest, &size) != 1)
    throw Failure("cannot hash " + name() + ": no SHA-256");
  return examples::hex_of(digest, size);
}

}  // namespace recorder
