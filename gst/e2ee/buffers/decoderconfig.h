/* SPDX-License-Identifier: LGPL-2.1-or-later */
// codec_data of H.264 and H.265: the decoder configuration records of ISO/IEC 14496-15.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "core/codec.h"

namespace e2ee {

/// A NAL unit without start code or length. Never empty.
using NalBytes = std::vector<std::uint8_t>;

struct DecoderConfig {
  std::size_t length_size = 0;  // bytes of the lengths in front of NAL units
  std::vector<NalBytes> units;  // parameter sets; with H.265 SEI messages as well

  bool operator==(const DecoderConfig &) const = default;
};

/// False when `codec_data` cannot be read. `codec` is made of NAL units.
bool read_decoder_config(const CodecRule &codec, ByteView codec_data, DecoderConfig &config);

/// The codec_data of `caps` with lengths of four bytes and no parameter sets; a usual profile and
/// level where there is none. The caller owns it.
GstBuffer *decoder_config_without_sets(const CodecRule &codec, const GstStructure *caps);

}  // namespace e2ee
