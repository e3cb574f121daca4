// SPDX-License-Identifier: LGPL-2.1-or-later
// What a file holds beside the frames: the head, which is written again in place, and cues.
#include <algorithm>

#include "matroska.h"

namespace recorder {

using ebml::Bytes;

namespace {

// A kill may interrupt a write between two pages, so what is written again in place begins at a
// page of its own: whoever reads it finds the old or the new one.
constexpr std::array<std::size_t, 3> kRegionSize{4096, 4096, 8192};
constexpr std::array<std::size_t, 3> kRegionAt{0, 4096, 8192};

constexpr std::int64_t kUnixTimeOf2001 = 978307200;
// For pictures of a size nobody knows, since it is encrypted: readers refuse tracks without any.
constexpr unsigned kSomeSize = 16;

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
    if (track.pre_roll_ns > 0)
      ebml::put_uint(entry, ebml::kSeekPreRoll, track.pre_roll_ns);
    ebml::put_float(settings, ebml::kSamplingFrequency, 48000);
    ebml::put_uint(settings, ebml::kChannels, track.channels);
    ebml::put(entry, ebml::kAudio, settings);
  }
  ebml::put(out, ebml::kTrackEntry, entry);
}

}  // namespace

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

}  // namespace recorder
