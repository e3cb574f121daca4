// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/gst_ptr.h"

namespace recorder {

using examples::Failure;

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
    std::string codec_id;  // V_VP8, V_VP9, V_MPEG4/ISO/AVC, V_MPEGH/ISO/HEVC, A_OPUS
    std::vector<std::uint8_t> private_data;  // CodecPrivate
    unsigned width = 0, height = 0;          // of video
    unsigned channels = 0;                   // of audio, 48 kHz
    std::string name;
  };

  // Takes the descriptor of a new, empty, seekable file. `tags`: SimpleTags by name.
  Matroska(int fd, bool webm, std::map<std::string, std::string> tags,
           std::int64_t started_unix_ns);
  ~Matroska();
  Matroska(const Matroska &) = delete;
  Matroska &operator=(const Matroska &) = delete;

  // Answers the number for write(). The head is on the disk (fdatasync) when this returns.
  unsigned add_track(const Track &track);
  // The size of pictures, once known. Written with the next cluster.
  void set_size(unsigned track, unsigned width, unsigned height);

  // `time`: nanoseconds since the first frame of the file; may go back a little between tracks.
  void write(unsigned track, std::int64_t time_ns, bool keyframe,
             std::span<const std::uint8_t> frame);
  // Writes what is gathered. For a timer: nothing is held longer than a second.
  void flush();
  // Flushes, writes cues and duration, syncs and closes. What it wrote is playable without this.
  void finish();

  std::uint64_t bytes() const;
};

}  // namespace recorder
