// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wire_format.h"

namespace recorder {

using examples::Failure;
// What one needs beside the keys to open a sealed recording years later. JSON in the file's COMMENT
// tag and in a sidecar FILE.json.
struct Seal : WireFormat {
  static constexpr int kVersion = 1;

  int version = kVersion;
  std::string identity;
  std::string recorder;  // name of who recorded
  std::string room;
  std::string started;  // RFC 3339, UTC
  std::string kdf = "auto";
  unsigned pbkdf2_iterations = 100000;  // of the scheme; to check against
  std::string ratchet_salt;             // empty: that of the scheme
  unsigned key_size = 128;
  unsigned keyring_size = 16;
  struct Stream {
    std::string media;  // video, audio
    std::string codec;  // its name in codecs.h
    std::string caps;   // of the frames, as e2eedecrypt takes them
  };
  std::vector<Stream> streams;

  std::string to_json() const;
  // Throws Failure: not JSON, not one of ours, a newer version.
  static Seal from_json(const std::string &text);
};

}  // namespace recorder
