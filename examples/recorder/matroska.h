// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/gst_ptr.h"
#include "ebml.h"

namespace recorder {

using examples::Failure;

// A write that the disk refused. `full`: there was no room.
struct WriteFailure : Failure {
  WriteFailure(const std::string &doing, int error);
  bool full;
};

// A WebM or Matroska file that is written while a meeting goes on.
//
// GStreamer's matroskamux has one thread for all tracks and waits for each of them: a muted
// microphone holds back the pictures until it comes back, in memory, where a crash loses them, and
// a camera that is switched on later finds the header closed. Here each frame is written for
// itself: frames of at most a second become a cluster, a cluster is one write(), and a cluster that
// does not fit on the disk is taken back, so the file is whole at any moment. Tracks and tags lie
// in a head of fixed size that is written again when one is added.
//
// One thread at a time. Every method throws Failure; after that only finish() may be called.
class Matroska {
 public:
  struct Track {
    std::string codec_id;                    // as V_VP8
    std::vector<std::uint8_t> private_data;  // CodecPrivate
    unsigned width = 0, height = 0;          // of video; 0: not known (yet)
    unsigned channels = 0;                   // of audio, 48 kHz
    std::uint64_t pre_roll_ns = 0;           // SeekPreRoll
    std::string name;

    bool is_video() const { return channels == 0; }
  };

  // Takes the descriptor of a new, empty, seekable file. `tags`: SimpleTags by name.
  Matroska(int fd, bool webm, std::map<std::string, std::string> tags,
           std::int64_t started_unix_ns);
  ~Matroska();
  Matroska(const Matroska &) = delete;
  Matroska &operator=(const Matroska &) = delete;

  // Claims room on the disk for this much beyond what is written, where the file system can.
  void reserve(std::uint64_t bytes);
  // Written with the next track or cluster.
  void set_tag(const std::string &name, const std::string &value);
  // Answers the number for write(). The head is on the disk (fdatasync) when this returns.
  unsigned add_track(const Track &track);
  // The size of pictures, once known. Written with the next cluster.
  void set_size(unsigned track, unsigned width, unsigned height);

  // `time`: nanoseconds on any clock that all tracks share; may go back a little. The oldest frame
  // of the first cluster is at 0 in the file, what is older than that afterwards too. A frame that
  // could not be taken because the cluster before it could not be written is not in pending().
  void write(unsigned track, std::int64_t time_ns, bool keyframe,
             std::span<const std::uint8_t> frame);
  // Frames gathered since the last flush; when that failed, the frames that were lost.
  std::uint64_t pending() const { return blocks_.size(); }
  // Writes what is gathered. For a timer: nothing is held longer than a second.
  void flush();
  // Flushes, writes cues and duration, syncs and closes. What it wrote is playable without this.
  // After a failure it gives up what is gathered, and cues if there is no room for them.
  void finish();

  std::uint64_t bytes() const { return end_; }

 private:
  struct Block {
    std::size_t time_at;  // where in body_ its time goes
    std::int64_t time_ns;
    unsigned track;
  };
  struct Cue {
    std::int64_t time_ns;
    unsigned track;
    std::uint64_t cluster;
  };
  struct Timing {
    std::int64_t last_ns = 0, step_ns = 0;
  };
  static constexpr std::int64_t kMillisecond = 1000000;
  static constexpr std::uint64_t kHeadSize = 16384;
  // Parts of the head that are written for themselves.
  enum Region { kAbout, kTracks, kTags, kRegions };

  std::int64_t milliseconds(std::int64_t time_ns) const;
  bool needs_new_cluster(const Track &track, std::int64_t time_ns, bool keyframe) const;
  ebml::Bytes render(Region region) const;
  ebml::Bytes render_about() const;
  ebml::Bytes render_tracks() const;
  ebml::Bytes render_tags() const;
  ebml::Bytes render_cluster();
  void write_head();
  void write_at(std::uint64_t at, std::span<const std::uint8_t> bytes, const char *doing);
  void append(std::span<const std::uint8_t> bytes, const char *doing);
  void note_written(std::uint64_t cluster);
  void write_cues();
  void sync(const char *doing);

  int fd_;
  bool webm_;
  std::map<std::string, std::string> tags_;
  std::int64_t started_unix_ns_;
  std::vector<Track> tracks_;
  std::array<bool, kRegions> stale_;  // not on the disk as it is here

  std::uint64_t end_ = 0;  // of the last whole cluster
  bool failed_ = false;

  // The cluster that is gathered.
  ebml::Bytes body_;
  std::vector<Block> blocks_;
  std::int64_t oldest_ns_ = 0, newest_ns_ = 0;
  bool has_video_ = false;
  std::optional<Cue> cue_;

  std::optional<std::int64_t> origin_ns_;
  std::vector<Timing> timing_;  // of each track, for the duration
  std::vector<Cue> cues_;
  std::uint64_t cues_at_ = 0;
  bool finished_ = false;
};

}  // namespace recorder
