// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <string>

#include "codecs.h"
#include "common/gst_ptr.h"
#include "common/words.h"

namespace recorder {

using CryptorPtr = examples::ObjectPtr<GstE2EEFrameCryptor>;

using examples::enum_of;
using examples::words_of;

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
  unsigned largest_ring() const;                   // that a key provider may have
};

}  // namespace recorder
