// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/elements.h"

namespace recorder {

using examples::Media;
using Bytes = std::vector<std::uint8_t>;
using Frame = std::span<const std::uint8_t>;

// What a video frame says about itself.
struct Picture {
  bool keyframe = false;
  unsigned width = 0, height = 0;  // 0: not said
};

// All that has to be known of a codec to record it: another one is another row in codecs.cpp.
struct Codec {
  const char *name;   // in logs, seals and reports
  const char *title;  // for people
  Media media;
  const char *media_type;  // of caps
  const char *rtp_name;    // its encoding name
  const char *matroska_id;
  bool in_webm = false;
  bool nal_units = false;  // its frames are made of them
  // Whether an encrypted frame can still be asked what it is: see WireFormat::leaves_readable().
  bool sframe_keeps_header = false, livekit_hides_all = false;

  // From packets to what files hold; null: nothing is needed, or could only change the frames.
  const char *depayloader = nullptr;
  const char *frames = nullptr;   // caps of frames behind the depayloader, where it has a choice
  const char *merger = nullptr;   // behind the decryptor: layers of one time to a picture
  const char *parser = nullptr;   // and what containers want
  const char *written = nullptr;  // caps of that

  // CodecPrivate, of caps; fills in the channels of audio. Throws Failure.
  Bytes (*private_data)(const GstStructure *caps, unsigned &channels) = nullptr;
  // Whether frames of both can be in one track; null: when the private data is the same.
  bool (*goes_on)(const Bytes &private_data, const Bytes &other) = nullptr;
  // None where the frame cannot be read. `frame` is not empty. Null for audio.
  std::optional<Picture> (*look)(Frame frame, const Bytes &private_data) = nullptr;
  std::uint64_t pre_roll_ns = 0;  // what a decoder needs in front of the place that one seeks to
};

std::span<const Codec> codecs();
// Null where there is none that is recorded.
const Codec *codec_named(const std::string &name);
const Codec *codec_of(const GstCaps *caps);
const Codec *codec_of_rtp(const char *encoding_name);  // in any case of letters; may be null
// "VP8, VP9 or Opus", for people.
std::string titles_of(const std::vector<const Codec *> &codecs);
std::string titles_of_codecs();  // of all that are recorded

}  // namespace recorder
