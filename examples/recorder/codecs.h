// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <span>
#include <string>

#include "matroska.h"

namespace recorder {

// What caps say about a stream that is recorded.
struct Format {
  std::string codec;  // vp8, vp9, h264, h265, opus
  std::string caps;
  Matroska::Track track;

  bool is_webm() const { return codec == "vp8" || codec == "vp9" || codec == "opus"; }
  // Whether frames of `other` can follow in the same track: size and channels of VP8, VP9 and Opus
  // are in the frames, those of H.264 and H.265 may be in the track's private data.
  bool continues(const Format &other) const;
};

// Throws Failure for what cannot be recorded.
Format format_from_caps(const GstCaps *caps);

// What a video frame says about itself.
struct Picture {
  bool keyframe = false;
  unsigned width = 0, height = 0;  // 0: not said
};

// Depayloaders and decryptors lose buffer flags, so the frame is asked first. `readable`: that it
// is not encrypted, or leaves what is asked here in the clear.
Picture look_at_picture(const Format &format, std::span<const std::uint8_t> frame, bool delta_flag,
                        bool readable);

}  // namespace recorder
