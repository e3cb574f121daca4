// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/gst_ptr.h"

namespace recorder {

using examples::Failure;
using CryptorPtr = examples::ObjectPtr<GstE2EEFrameCryptor>;

// The value of an enum by the word that properties have for it.
int enum_of(GType type, const std::string &nick);

// What one needs beside the keys to open a sealed recording years later. JSON in the file's COMMENT
// tag and in a sidecar FILE.json; the words are those of the elements' properties.
struct Seal {
  static constexpr int kVersion = 1;

  int version = kVersion;
  std::string scheme = "livekit";
  std::string identity;
  std::string recorder;  // name of who recorded
  std::string room;
  std::string started;  // RFC 3339, UTC
  std::string kdf = "auto";
  unsigned pbkdf2_iterations = 100000;  // of the scheme; to check against
  std::string ratchet_salt;             // empty: that of the scheme
  unsigned key_size = 128;
  unsigned keyring_size = 16;
  unsigned sframe_suite = 4;
  std::string sframe_kid_map = "profile";
  std::string clear_header = "scheme";
  std::string server_trailer;  // hex; empty: none announced
  struct Stream {
    std::string media;  // video, audio
    std::string codec;  // vp8, vp9, h264, h265, opus
    std::string caps;   // of the frames, as e2eedecrypt takes them
  };
  std::vector<Stream> streams;

  std::string to_json() const;
  // Throws Failure: not JSON, not one of ours, a newer version.
  static Seal from_json(const std::string &text);
  // What decrypts frames that were sealed like this. `server_frames`: those of the server that
  // pass.
  CryptorPtr new_cryptor(GstE2EEKeyProvider *provider, const std::string &participant,
                         const std::string &server_frames) const;
};

}  // namespace recorder
