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

struct UnrefObject {
  void operator()(void *object) const { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};
using BufferPtr = std::unique_ptr<GstBuffer, UnrefObject>;
using SharedCaps = std::unique_ptr<GstCaps, UnrefObject>;
using ProviderPtr = std::unique_ptr<GstE2EEKeyProvider, examples::FreeWith<&g_object_unref>>;
using MaterialPtr =
    std::unique_ptr<GstE2EEKeyMaterial, examples::FreeWith<&gst_e2ee_key_material_unref>>;

// What the frames of one recording have in common.
struct Sealing {
  Seal seal;
  std::string participant;    // whose keys
  bool has_own_keys = false;  // that these keys are the participant's, not shared
  bool sframe() const { return seal.scheme == "sframe"; }
  bool step_in_kid() const { return sframe() && seal.sframe_kid_map == "profile"; }
};

// An e2eedecrypt between two pads, without a pipeline: a frame goes in, and has come out or not
// when the call returns.
class Decryptor {
 public:
  // `server_frames`: which of the server's frames open() gives, as the element takes it.
  Decryptor(const Sealing &sealing, GstE2EEKeyProvider *provider, GstCaps *caps,
            const std::string &server_frames = "drop");
  ~Decryptor();
  Decryptor(const Decryptor &) = delete;
  Decryptor &operator=(const Decryptor &) = delete;

  // The frame in the clear; none when it does not open. `frame` stays as it is.
  BufferPtr open(GstBuffer *frame);
  // Of the frames that open() gave.
  SharedCaps caps() const;
  guint64 count(const char *stat) const;

 private:
  void start();
  void stop();
  void send(GstEvent *event);
  static GstFlowReturn took(GstPad *pad, GstObject *parent, GstBuffer *buffer);

  examples::ObjectPtr<GstElement> element_;
  examples::ObjectPtr<GstPad> in_, out_;
  SharedCaps caps_;
  bool restarts_;  // what was not opened counts against what it will try
  unsigned failures_ = 0;
  BufferPtr opened_;
};

// One generation of one key, and the decryptors that work with it, one for each track.
class OpenerKey {
 public:
  OpenerKey(const Sealing &sealing, GstE2EEKeyMaterial *material);
  BufferPtr open(unsigned track, GstCaps *caps, GstBuffer *frame);
  SharedCaps caps(unsigned track) const { return decryptors_.at(track)->caps(); }

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
