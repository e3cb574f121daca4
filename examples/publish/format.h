// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <optional>
#include <span>
#include <string>

#include "common/elements.h"

namespace publish {

using examples::Media;

enum class Codec { kVp8, kVp9, kH264, kOpus };

struct CodecInfo {
  Codec codec;
  Media media;
  const char *name;      // for people, and for --codec
  const char *caps;      // of frames
  const char *encoding;  // of RTP
  int payload;           // of RTP
  const char *encoder;
  const char *payloader;
};
const CodecInfo &info_of(Codec codec);
std::span<const CodecInfo> codecs();
std::optional<Codec> codec_named(const std::string &name);

// What a source line may end in, for a capsfilter.
std::string accepted_caps();
// "vp8 (default), vp9 or h264".
std::string video_codecs();

// What it does end in.
struct Ending {
  Media media = Media::kVideo;
  std::optional<Codec> codec;  // none: raw
};
// Throws Refused with what to do when these caps are none of the accepted ones.
Ending ending_of(const GstCaps *caps);

// A track as it is announced and offered.
struct Format {
  Codec codec = Codec::kVp8;
  unsigned width = 0, height = 0;
  std::string profile_level_id;  // of H.264, as in SDP

  bool operator==(const Format &) const = default;
};
// From caps of frames, or of raw ones that are to be encoded. Throws Refused for a profile of H.264
// that no browser decodes.
Format format_of(Codec codec, const GstCaps *caps);

std::string rtp_caps(const Format &format, guint32 ssrc);

// With its settings; takes encrypted frames.
GstElement *add_payloader(GstElement *bin, Codec codec, guint32 ssrc);

}  // namespace publish
