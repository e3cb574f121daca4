// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace call {

enum class Codec { kVp8, kVp9 };

struct Options {
  Codec codec = Codec::kVp8;
  unsigned seconds = 10;
  std::string output = "recordings/demo.webm";
  std::string passphrase_file;  // empty: a passphrase is drawn for this run
  std::string media_file;       // empty: test picture and tone
};

// Reads the command line. --help and --version end the program. Throws WrongUsage.
Options parse_options(int argc, char **argv);

}  // namespace call
