// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/gst_ptr.h"
#include "seal.h"

namespace recorder {

using examples::BufferPtr;
using ProviderPtr = examples::ObjectPtr<GstE2EEKeyProvider>;
using MaterialPtr =
    std::unique_ptr<GstE2EEKeyMaterial, examples::FreeWith<&gst_e2ee_key_material_unref>>;

// What the frames of one recording have in common.
struct Sealing {
  Seal seal;
  std::string participant;    // whose keys
  bool has_own_keys = false;  // that these keys are the participant's, not shared
};

// Decrypts the frames of one track.
class Decryptor {
 public:
  // `server_frames`: which of the server's frames open() gives. Throws.
  Decryptor(const Sealing &sealing, GstE2EEKeyProvider *provider, GstCaps *caps,
            const std::string &server_frames = "drop");

  // Waits until the provider's key is derived. Throws.
  void derive();
  // The frame in the clear; none when it does not open. `frame` stays as it is.
  BufferPtr open(GstBuffer *frame);
  // Of the frames that open() gave.
  GstCaps *caps() const { return out_.get(); }
  guint64 count(const char *stat) const;

 private:
  void start();

  const Sealing &sealing_;
  const bool is_sframe_;
  GstE2EEKeyProvider *provider_;
  examples::CapsPtr in_, out_;
  std::string server_frames_;
  CryptorPtr cryptor_;
  unsigned failures_ = 0;  // which count against what it will try
};

// One generation of one key, and the decryptors that work with it, one for each track.
class OpenerKey {
 public:
  OpenerKey(const Sealing &sealing, GstE2EEKeyMaterial *material);
  BufferPtr open(unsigned track, GstCaps *caps, GstBuffer *frame);
  examples::CapsPtr caps(unsigned track) const {
    return examples::CapsPtr(gst_caps_ref(decryptors_.at(track)->caps()));
  }

  std::uint64_t generation() const { return generation_; }
  const std::string &fingerprint() const { return fingerprint_; }
  // The material of the next generation; from then on this is of no other use. Throws.
  MaterialPtr ratchet(unsigned track, GstCaps *caps);
  // Derives it now.
  void derive(unsigned track, GstCaps *caps) { decryptor(track, caps); }

 private:
  Decryptor &decryptor(unsigned track, GstCaps *caps);

  const Sealing &sealing_;
  ProviderPtr provider_;
  unsigned key_id_;
  std::uint64_t generation_;
  std::string fingerprint_;
  std::map<unsigned, std::unique_ptr<Decryptor>> decryptors_;
};

}  // namespace recorder
