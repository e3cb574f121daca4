// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "chain.h"
#include "livekit/access.h"
#include "livekit/signal.pb.h"

namespace publish {

namespace wire = livekit::wire;

struct SourceOption {
  std::string line;
  wire::TrackSource kind = wire::UNKNOWN;  // UNKNOWN: camera or microphone
};

// What the command line says, checked as far as that goes without looking at anything else.
struct Options {
  livekit::AccessOptions access;
  std::vector<SourceOption> sources;
  std::string key_provider;
  std::string scheme = "livekit";
  EncodeSettings encode;
  std::string metrics;  // ADDRESS:PORT; empty: none
  std::string stun, turn_file;
  bool loopback_only = false;
  bool json = false;
  double seconds = 0;  // 0: until stopped
};

// --help and --version end the program. Throws WrongUsage.
Options parse_options(int argc, char **argv);

}  // namespace publish
