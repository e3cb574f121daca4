// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "codecs.h"
#include "matroska.h"

namespace recorder {

// What caps say about a stream that is recorded.
struct Format {
  const Codec *codec = nullptr;
  std::string caps;
  Matroska::Track track;

  // Whether frames of `other` can follow in the same track: size and channels of VP8, VP9 and Opus
  // are in the frames, those of H.264 and H.265 may be in the track's private data.
  bool continues(const Format &other) const;
};

// Throws Failure for what cannot be recorded.
Format format_from_caps(const GstCaps *caps);

// Depayloaders and decryptors lose buffer flags, so the frame is asked first. `readable`: that it
// is not encrypted, or leaves what is asked here in the clear.
Picture look_at_picture(const Format &format, Frame frame, bool delta_flag, bool readable);

}  // namespace recorder
