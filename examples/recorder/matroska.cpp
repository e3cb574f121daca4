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

// A kill may interrupt a write between two pages, so what is written again in place begins at a
// page of its own: whoever reads it finds the old or the new one.
constexpr std::array<std::size_t, 3> kRegionSize{4096, 4096, 8192};
constexpr std::array<std::size_t, 3> kRegionAt{0, 4096, 8192};
constexpr std::uint64_t kHeadSize = 16384;

constexpr std::int64_t kMillisecond = 1000000;
constexpr std::int64_t kLongestCluster = 1000 * kMillisecond;
// A key frame begins a cluster, for seeking, but not in a stream that has nothing but key frames.
constexpr std::int64_t kShortestCluster = 200 * kMillisecond;
constexpr std::size_t kLargestCluster = std::size_t{4} << 20;
constexpr std::int64_t kUnixTimeOf2001 = 978307200;
// For pictures of a size nobody knows, since it is encrypted: readers refuse tracks without any.
constexpr unsigned kSomeSize = 16;
constexpr std::uint64_t kOpusPreRoll = 80 * kMillisecond;  // RFC 7845, 4.6

Bytes render_header(bool webm) {
  Bytes content;
  ebml::put_uint(content, ebml::kVersion, 1);
  ebml::put_uint(content, ebml::kReadVersion, 1);
  ebml::put_uint(content, ebml::kMaxIdLength, 4);
  ebml::put_uint(content, ebml::kMaxSizeLength, 8);
  ebml::put_string(content, ebml::kDocType, webm ? "webm" : "matroska");
  ebml::put_uint(content, ebml::kDocTypeVersion, 4);
  ebml::put_uint(content, ebml::kDocTypeReadVersion, 2);
  Bytes header;
  ebml::put(header, ebml::kHeader, content);
  return header;
}

void put_seek(Bytes &out, ebml::Id id, std::uint64_t position) {
  Bytes id_bytes;
  ebml::put_id(id_bytes, id);
  Bytes seek;
  ebml::put(seek, ebml::kSeekId, id_bytes);
  ebml::put_uint(seek, ebml::kSeekPosition, position);
  ebml::put(out, ebml::kSeek, seek);
}

// The position where the segment's content begins, from which others are counted.
std::uint64_t segment_start(bool webm) {
  return render_header(webm).size() + 4 + 8;
}

// Fills `region` up with an element and room for it to grow. 1 byte of room cannot be told from
// none, so the element's size then takes a byte more.
void put_and_pad(Bytes &region, ebml::Id id, const Bytes &content, std::size_t size,
                 const char *what) {
  const std::size_t used = region.size() + 4 + 4 + content.size();
  if (used > size)
    throw Failure(std::string{what} + " do not fit into the head of the file: " +
                  std::to_string(used) + " bytes, there is room for " + std::to_string(size));
  ebml::put(region, id, content, used + 1 == size ? 5 : 4);
  ebml::put_void(region, size - region.size());
}

void put_track(Bytes &out, std::size_t number, const Matroska::Track &track) {
  constexpr unsigned kVideoType = 1, kAudioType = 2;
  Bytes entry;
  ebml::put_uint(entry, ebml::kTrackNumber, number);
  ebml::put_uint(entry, ebml::kTrackUid, number);
  ebml::put_uint(entry, ebml::kTrackType, track.is_video() ? kVideoType : kAudioType);
  ebml::put_uint(entry, ebml::kFlagLacing, 0);
  ebml::put_string(entry, ebml::kLanguage, "und");
  ebml::put_string(entry, ebml::kCodecId, track.codec_id);
  if (!track.name.empty())
    ebml::put_string(entry, ebml::kName, track.name);
  if (!track.private_data.empty())
    ebml::put(entry, ebml::kCodecPrivate, track.private_data);
  Bytes settings;
  if (track.is_video()) {
    ebml::put_uint(settings, ebml::kPixelWidth, track.width ? track.width : kSomeSize);
    ebml::put_uint(settings, ebml::kPixelHeight, track.height ? track.height : kSomeSize);
    ebml::put(entry, ebml::kVideo, settings);
  } else {
    if (track.codec_id == "A_OPUS")
      ebml::put_uint(entry, ebml::kSeekPreRoll, kOpusPreRoll);
    ebml::put_float(settings, ebml::kSamplingFrequency, 48000);
    ebml::put_uint(settings, ebml::kChannels, track.channels);
    ebml::put(entry, ebml::kAudio, settings);
  }
  ebml::put(out, ebml::kTrackEntry, entry);
}

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

void Matroska::write_cues() {
  if (cues_.empty())
    return;
  const std::uint64_t start = segment_start(webm_);
  Bytes points;
  for (const Cue &cue : cues_) {
    Bytes positions;
    ebml::put_uint(positions, ebml::kCueTrack, cue.track);
    ebml::put_uint(positions, ebml::kCueClusterPosition, cue.cluster - start);
    Bytes point;
    ebml::put_uint(point, ebml::kCueTime, static_cast<std::uint64_t>(milliseconds(cue.time_ns)));
    ebml::put(point, ebml::kCueTrackPositions, positions);
    ebml::put(points, ebml::kCuePoint, point);
  }
  Bytes cues;
  ebml::put(cues, ebml::kCues, points);
  const std::uint64_t at = end_;
  append(cues, "writing the index");
  cues_at_ = at;
}

Bytes Matroska::render(Region region) const {
  switch (region) {
    case kAbout:
      return render_about();
    case kTracks:
      return render_tracks();
    default:
      return render_tags();
  }
}

Bytes Matroska::render_about() const {
  const std::uint64_t start = segment_start(webm_);
  Bytes region = render_header(webm_);
  ebml::put_id(region, ebml::kSegment);
  ebml::put_size(region, finished_ ? end_ - start : ebml::kUnknownSize, 8);

  // Of a fixed size, since the info's own position is in it.
  const auto seek_head = [&](std::uint64_t info_at) {
    Bytes seeks;
    put_seek(seeks, ebml::kInfo, info_at);
    put_seek(seeks, ebml::kTracks, kRegionAt[kTracks] - start);
    put_seek(seeks, ebml::kTags, kRegionAt[kTags] - start);
    if (cues_at_ > 0)
      put_seek(seeks, ebml::kCues, cues_at_ - start);
    Bytes element;
    ebml::put(element, ebml::kSeekHead, seeks);
    return element;
  };
  const Bytes seeks = seek_head(seek_head(0).size());
  region.insert(region.end(), seeks.begin(), seeks.end());

  Bytes info;
  ebml::put_uint(info, ebml::kTimestampScale, kMillisecond);
  ebml::put_int64(info, ebml::kDateUtc, started_unix_ns_ - kUnixTimeOf2001 * 1000 * kMillisecond);
  ebml::put_string(info, ebml::kMuxingApp, "gst-e2ee");
  ebml::put_string(info, ebml::kWritingApp, "e2ee-recorder");
  if (finished_ && origin_ns_) {
    std::int64_t end_ns = 0;
    for (const Timing &timing : timing_)
      end_ns = std::max(end_ns, timing.last_ns + timing.step_ns - *origin_ns_);
    ebml::put_float(info, ebml::kDuration, static_cast<double>(end_ns) / kMillisecond);
  }
  put_and_pad(region, ebml::kInfo, info, kRegionSize[kAbout], "Facts about the recording");
  return region;
}

Bytes Matroska::render_tracks() const {
  Bytes entries;
  for (std::size_t i = 0; i < tracks_.size(); i++)
    put_track(entries, i + 1, tracks_[i]);
  Bytes region;
  put_and_pad(region, ebml::kTracks, entries, kRegionSize[kTracks], "Tracks");
  return region;
}

Bytes Matroska::render_tags() const {
  Bytes tag;
  ebml::put(tag, ebml::kTargets, {});
  for (const auto &[name, value] : tags_) {
    Bytes simple;
    ebml::put_string(simple, ebml::kTagName, name);
    ebml::put_string(simple, ebml::kTagString, value);
    ebml::put(tag, ebml::kSimpleTag, simple);
  }
  Bytes tags;
  if (!tags_.empty())
    ebml::put(tags, ebml::kTag, tag);
  Bytes region;
  put_and_pad(region, ebml::kTags, tags, kRegionSize[kTags], "Tags");
  return region;
}

// Tags before tracks: a track that is there is described there.
void Matroska::write_head() {
  if (end_ == 0) {
    Bytes head;
    for (const Region region : {kAbout, kTracks, kTags}) {
      const Bytes part = render(region);
      head.insert(head.end(), part.begin(), part.end());
    }
    write_at(0, head, "writing the head of the file");
    end_ = kHeadSize;
    stale_.fill(false);
  }
  for (const Region region : {kTags, kTracks, kAbout})
    if (stale_[region]) {
      write_at(kRegionAt[region], render(region), "writing the head of the file");
      stale_[region] = false;
    }
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
