// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <string>

namespace call {

struct Played {
  size_t video_frames = 0;
  size_t audio_buffers = 0;
  GstClockTime duration = 0;
};

// Decodes a WebM file with "vp8dec" or "vp9dec" and "opusdec" as fast as it goes.
Played play_file(const std::string &file, const std::string &video_decoder, bool video, bool audio);

}  // namespace call
