// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "format.h"

namespace publish {

// For what comes raw. Sizes and rates are limits: what is smaller or slower stays as it is.
struct EncodeSettings {
  Codec video = Codec::kVp8;
  unsigned bitrate = 1500;  // kbit/s, of video
  unsigned width = 1280, height = 720, frame_rate = 30;
};

// Elements from where a source line ends to the encryptor.
struct Chain {
  GstElement *first = nullptr, *last = nullptr;
  // Of raw sources: what takes the frames that are to be encoded, and the encoder.
  GstElement *raw = nullptr, *encoder = nullptr;
  std::vector<GstElement *> elements;  // in order
};

// Adds it to `bin`. `paced`: the source is a file or the like, which would run as fast as it can.
Chain add_chain(GstElement *bin, const Ending &ending, const EncodeSettings &settings, bool paced);

Codec codec_of(const Ending &ending, const EncodeSettings &settings);

// Of the encoder and what else raw sources need.
std::vector<std::string> encoding_elements(const EncodeSettings &settings);

}  // namespace publish
