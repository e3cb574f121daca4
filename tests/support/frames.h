/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of media, as buffers.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "support/owned.h"

namespace e2ee::test {

constexpr gsize kOverhead = 30;  // tag 16, IV 12, its length, key index
inline const char *const kVp8 = "video/x-vp8, width=320, height=240, framerate=30/1";
inline const char *const kVp9 = "video/x-vp9, width=320, height=240, framerate=30/1";
inline const char *const kH264 = "video/x-h264, stream-format=byte-stream, alignment=au";
inline const char *const kH265 = "video/x-h265, stream-format=byte-stream, alignment=au";
inline const char *const kOpus = "audio/x-opus, channel-mapping-family=0, channels=2, rate=48000";

/// A packet of Opus.
inline const Bytes kPlain = noise(60, 1);

Buffer buffer_of(const Bytes &bytes);
Bytes bytes_of(GstBuffer *buffer);

/// Memory that outlives its GstMemory, so that a test can look at what was left in it.
class Region {
 public:
  explicit Region(Bytes bytes) : bytes_(std::move(bytes)) {}
  /// One memory, `size` bytes of it in view.
  Buffer wrap(gsize size, GstMemoryFlags flags = static_cast<GstMemoryFlags>(0));
  Buffer wrap() { return wrap(bytes_.size()); }
  const Bytes &bytes() const { return bytes_; }
  bool released() const { return released_; }

 private:
  Bytes bytes_;
  bool released_ = false;
};

struct Encoded {
  std::string caps;
  std::vector<Buffer> frames;
};
/// What a launch line of source and encoder makes. `set_up` gets the element named "encoder".
Encoded encode(const std::string &source_and_encoder, void (*set_up)(GstElement *) = nullptr,
               gsize at_least = 40);
extern const char *const kVideoSource;
extern const char *const kAudioSource;

}  // namespace e2ee::test
