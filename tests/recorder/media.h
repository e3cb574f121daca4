// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of recordings share: frames to record, and what GStreamer reads in a file.
#pragma once

#include <gst/gst.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/elements.h"
#include "common/gst_ptr.h"
#include "support/files.h"

namespace media {

using examples::Media;
using Bytes = std::vector<std::uint8_t>;

struct Frame {
  Bytes bytes;
  GstClockTime pts = GST_CLOCK_TIME_NONE;
  bool delta = false;
};

struct Track {
  std::string caps;
  std::vector<Frame> frames;

  std::string field(const char *name) const;  // of the caps, serialized
  Bytes codec_data() const;
};

struct File {
  std::array<Track, 2> tracks;
  std::string comment, doc_type, error;
  GstClockTime duration = GST_CLOCK_TIME_NONE;

  const Track &video() const { return tracks[static_cast<int>(Media::kVideo)]; }
  const Track &audio() const { return tracks[static_cast<int>(Media::kAudio)]; }
};

// What matroskademux gives. Times are those of buffers.
File read_file(const std::string &path);
// The time of the first video frame after a seek to the key frame before `time`.
GstClockTime seek_file(const std::string &path, GstClockTime time);

using e2ee::SamplePtr;
using e2ee::Unref;
using e2ee::test::Folder;

SamplePtr make_sample(const std::string &caps, const Frame &frame);
// Runs "SOURCE ! ENCODER" and gives its frames, with the encoder's caps.
std::vector<SamplePtr> encode(const std::string &description);
Frame frame_of(GstSample *sample);
// How many frames a decoder makes of a file, by e.g. "vp8dec".
unsigned decode(const std::string &path, const std::string &decoder);

// Frames that differ from each other, of a size that varies.
Bytes make_bytes(Media media, std::uint32_t number, std::size_t size = 200);

/// Writes beyond a limit fail as on a disk with a defect: after a part of what was given.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

}  // namespace media
