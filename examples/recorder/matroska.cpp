// SPDX-License-Identifier: LGPL-2.1-or-later
#include "matroska.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace recorder {

using ebml::Bytes;

namespace {

constexpr std::int64_t kLongestCluster = 1'000'000'000;
// A key frame begins a cluster, for seeking, but not in a stream that has nothing but key frames.
constexpr std::int64_t kShortestCluster = 200'000'000;
constexpr std::size_t kLargestCluster = std::size_t{4} << 20;

}  // namespace

WriteFailure::WriteFailure(const std::string &doing, int error)
    : Failure((error == ENOSPC || error == EDQUOT ? "disk full: " : "") + doing + ": " +
              std::strerror(error)),
      full(error == ENOSPC || error == EDQUOT) {}

Matroska::Matroska(int fd, bool webm, std::map<std::string, std::string> tags,
                   std::int64_t started_unix_ns)
    : fd_(fd), webm_(webm), tags_(std::move(tags)), started_unix_ns_(started_unix_ns) {
  stale_.fill(true);
}

Matroska::~Matroska() {
  if (fd_ >= 0)
    close(fd_);
}

void Matroska::reserve(std::uint64_t bytes) {
  const auto at = static_cast<off_t>(std::max(end_, kHeadSize));
  if (fallocate(fd_, FALLOC_FL_KEEP_SIZE, at, static_cast<off_t>(bytes)) == 0)
    return;
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    failed_ = true;
    throw WriteFailure("reserving " + std::to_string(bytes) + " bytes", error);
  }
}

void Matroska::set_tag(const std::string &name, const std::string &value) {
  auto before = tags_;
  tags_[name] = value;
  try {
    render_tags();
  } catch (const Failure &) {
    tags_ = std::move(before);
    throw;
  }
  stale_[kTags] = true;
}

unsigned Matroska::add_track(const Track &track) {
  tracks_.push_back(track);
  timing_.emplace_back();
  stale_[kTracks] = true;
  try {
    write_head();
  } catch (const Failure &) {
    tracks_.pop_back();
    throw;
  }
  sync("syncing the head of the file");
  return static_cast<unsigned>(tracks_.size());
}

void Matroska::set_size(unsigned track, unsigned width, unsigned height) {
  Track &changed = tracks_.at(track - 1);
  if (changed.width == width && changed.height == height)
    return;
  changed.width = width;
  changed.height = height;
  stale_[kTracks] = true;
}

void Matroska::write(unsigned track, std::int64_t time_ns, bool keyframe,
                     std::span<const std::uint8_t> frame) {
  const Track &to = tracks_.at(track - 1);
  if (needs_new_cluster(to, time_ns, keyframe))
    flush();

  oldest_ns_ = blocks_.empty() ? time_ns : std::min(oldest_ns_, time_ns);
  newest_ns_ = blocks_.empty() ? time_ns : std::max(newest_ns_, time_ns);
  has_video_ = has_video_ || to.is_video();
  const bool has_key_frame = cue_ && tracks_[cue_->track - 1].is_video();
  if (to.is_video() ? keyframe && !has_key_frame : !cue_)
    cue_ = Cue{time_ns, track, 0};

  ebml::put_id(body_, ebml::kSimpleBlock);
  ebml::put_size(body_, 1 + 2 + 1 + frame.size());
  ebml::put_size(body_, track);
  blocks_.push_back({body_.size(), time_ns, track});
  body_.insert(body_.end(), {0, 0, static_cast<std::uint8_t>(keyframe ? 0x80 : 0)});
  body_.insert(body_.end(), frame.begin(), frame.end());
}

bool Matroska::needs_new_cluster(const Track &track, std::int64_t time_ns, bool keyframe) const {
  if (blocks_.empty())
    return false;
  const std::int64_t span = std::max(newest_ns_, time_ns) - std::min(oldest_ns_, time_ns);
  // The first one waits for older frames of the other track.
  return span > kLongestCluster || body_.size() > kLargestCluster ||
         (origin_ns_ && keyframe && track.is_video() && span > kShortestCluster);
}

std::int64_t Matroska::milliseconds(std::int64_t time_ns) const {
  return (std::max<std::int64_t>(time_ns - *origin_ns_, 0) + kMillisecond / 2) / kMillisecond;
}

void Matroska::flush() {
  if (blocks_.empty() || failed_)
    return;
  write_head();
  if (!origin_ns_)
    origin_ns_ = oldest_ns_;
  const std::uint64_t cluster = end_;
  append(render_cluster(), "writing frames");
  note_written(cluster);
  body_.clear();
  blocks_.clear();
}

Bytes Matroska::render_cluster() {
  const std::int64_t begin = milliseconds(oldest_ns_);
  for (const Block &block : blocks_) {
    const std::int64_t relative = milliseconds(block.time_ns) - begin;
    body_[block.time_at] = static_cast<std::uint8_t>(relative >> 8);
    body_[block.time_at + 1] = static_cast<std::uint8_t>(relative);
  }
  Bytes time;
  ebml::put_uint(time, ebml::kTimestamp, static_cast<std::uint64_t>(begin));
  Bytes cluster;
  cluster.reserve(body_.size() + 32);
  ebml::put_id(cluster, ebml::kCluster);
  ebml::put_size(cluster, time.size() + body_.size());
  cluster.insert(cluster.end(), time.begin(), time.end());
  cluster.insert(cluster.end(), body_.begin(), body_.end());
  return cluster;
}

void Matroska::note_written(std::uint64_t cluster) {
  // Readers seek to key frames; where the camera is off, to whatever there is.
  if (cue_ && (tracks_[cue_->track - 1].is_video() || !has_video_)) {
    cue_->cluster = cluster;
    cues_.push_back(*cue_);
  }
  cue_.reset();
  has_video_ = false;
  for (const Block &block : blocks_) {
    Timing &timing = timing_[block.track - 1];
    const std::int64_t step = block.time_ns - timing.last_ns;
    if (step > 0 && step < kLongestCluster)
      timing.step_ns = step;
    timing.last_ns = std::max(timing.last_ns, block.time_ns);
  }
}

void Matroska::finish() {
  const bool had_failed = failed_;
  std::optional<Failure> problem;
  const auto attempt = [&](auto step) {
    try {
      step();
    } catch (const Failure &failure) {
      if (!problem)
        problem = failure;
    }
  };
  attempt([this] { flush(); });
  body_.clear();
  blocks_.clear();
  attempt([this] { write_cues(); });
  finished_ = true;
  stale_[kAbout] = true;
  attempt([this] { write_head(); });
  // Gives back what was reserved.
  if (ftruncate(fd_, static_cast<off_t>(end_)) != 0) {
    // Room is lost, nothing else.
  }
  attempt([this] { sync("syncing the file"); });
  const int closed = close(fd_);
  const int error = errno;
  fd_ = -1;
  if (closed != 0)
    attempt([error] { throw WriteFailure("closing the file", error); });
  if (problem && !had_failed)
    throw *problem;
}

void Matroska::append(std::span<const std::uint8_t> bytes, const char *doing) {
  try {
    write_at(end_, bytes, doing);
  } catch (const Failure &) {
    if (ftruncate(fd_, static_cast<off_t>(end_)) != 0) {
      // Readers take the file up to the torn cluster.
    }
    throw;
  }
  end_ += bytes.size();
}

void Matroska::write_at(std::uint64_t at, std::span<const std::uint8_t> bytes, const char *doing) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0) {
      const int error = written < 0 ? errno : EIO;
      failed_ = true;
      throw WriteFailure(doing, error);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
}

void Matroska::sync(const char *doing) {
  if (fdatasync(fd_) == 0)
    return;
  const int error = errno;
  failed_ = true;
  throw WriteFailure(doing, error);
}

}  // namespace recorder
