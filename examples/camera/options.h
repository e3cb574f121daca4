// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace camera {

enum class Codec { kH264, kH265 };

struct Options {
  Codec codec = Codec::kH264;
  std::string video, audio;  // launch lines that end in raw media; no audio: empty
  std::string encoder;       // what goes on from `video`
  std::string own_encoder;   // the element, where the line is not the user's
  bool loopback_only = false;
  std::string stun_server;
};

// --help and --version print, and end the program. Throws WrongUsage.
Options parse_options(int argc, char **argv);

}  // namespace camera
