/* SPDX-License-Identifier: LGPL-2.1-or-later */
// libvpx itself: GStreamer's encoder has no spatial layers, and its decoder hides which frame made
// which picture.
#pragma once

#include <memory>
#include <vector>

#include "support/bytes.h"

namespace e2ee::test {

struct LayerFrame {
  Bytes bytes;
  unsigned spatial = 0;
  unsigned temporal = 0;
  bool key = false;  // of a key picture
};
using Layers = std::vector<LayerFrame>;

struct SvcSettings {
  unsigned spatial = 1;
  unsigned temporal = 1;
  unsigned pictures = 10;
  unsigned key_every = 100;
  /// Layer frames one by one; else one superframe a picture, as its only layer.
  bool each_layer = true;
};

constexpr unsigned kSvcWidth = 128;  // of the highest layer; each below has half of it
constexpr unsigned kSvcHeight = 96;
inline const char *const kSvcCaps = "video/x-vp9, width=128, height=96, framerate=30/1";

/// VP9 pictures of a moving pattern.
std::vector<Layers> encode_svc(const SvcSettings &settings);

struct Image {
  unsigned width = 0;
  unsigned height = 0;
  Bytes pixels;
  bool operator==(const Image &) const = default;
};

class Vp9Decoder {
 public:
  Vp9Decoder();
  ~Vp9Decoder();
  Vp9Decoder(const Vp9Decoder &) = delete;
  Vp9Decoder &operator=(const Vp9Decoder &) = delete;

  /// The pictures that the bytes show; none and a failed expectation if they are not decodable.
  std::vector<Image> decode(const Bytes &bytes);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace e2ee::test
