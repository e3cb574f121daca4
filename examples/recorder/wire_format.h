// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <string>
#include <vector>

#include "codecs.h"
#include "common/gst_ptr.h"

namespace recorder {

using CryptorPtr = examples::ObjectPtr<GstE2EEFrameCryptor>;

// The value of an enum of the library by the word that properties have for it, and all its words.
int enum_of(GType type, const std::string &nick);
std::vector<std::string> words_of(GType type);
// "one (default), two or three", for --help.
std::string alternatives(GType type);

// How frames are encrypted; the words are those of the elements' properties.
struct WireFormat {
  std::string scheme = "livekit";
  unsigned sframe_suite = 4;
  std::string sframe_kid_map = "profile";
  std::string clear_header = "scheme";
  std::string server_trailer;  // hex; empty: none announced

  // What decrypts such frames. `server_frames`: those of the server that pass.
  CryptorPtr new_cryptor(GstE2EEKeyProvider *provider, const std::string &participant,
                         const std::string &server_frames) const;

  // What the library does not tell of schemes.
  bool is_sframe() const;
  bool names_ratchet_step() const;                 // in the KID
  bool leaves_readable(const Codec &codec) const;  // what Codec::look() asks
  bool tells_server_frames() const;                // from those of the sender
};

}  // namespace recorder
