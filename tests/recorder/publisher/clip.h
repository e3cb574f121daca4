/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/elements.h"

namespace publisher {

using examples::Failure;
using examples::Media;

/// Frames that a real encoder made, to be sent in a loop.
struct Clip {
  struct Frame {
    std::vector<std::uint8_t> bytes;
    bool key = false;
  };
  std::string caps;
  std::vector<Frame> frames;  // the first one is a key frame
  GstClockTime frame_duration = 0;

  /// Where the next key frame is, from `at` on.
  std::size_t next_key(std::size_t at) const;
};

struct VideoFormat {
  std::string codec = "vp8";  // vp9, h264
  unsigned width = 640, height = 360;

  auto operator<=>(const VideoFormat &) const = default;
};

/// Encodes each clip once and keeps it in a folder for others who run beside this.
class Clips {
 public:
  explicit Clips(std::string folder) : folder_(std::move(folder)) {}
  const Clip &video(const VideoFormat &format);
  const Clip &audio();

 private:
  Clip load_or_make(const std::string &name, const std::string &line, GstClockTime duration) const;

  const std::string folder_;  // empty: none
  std::map<VideoFormat, Clip> videos_;
  std::unique_ptr<Clip> audio_;
};

/// The same frames, encrypted once: the load of a meeting without the work of its participants.
Clip encrypted(const Clip &clip, GObject *provider, const std::string &participant);

}  // namespace publisher
