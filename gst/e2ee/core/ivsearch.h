/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The search for an IV under which the stock payloader takes the encrypted frame.
#pragma once

#include <optional>

#include "core/codec.h"
#include "core/iv.h"

namespace e2ee {

/// Tries of one frame; that many in vain mean that something is broken. VP8 key frames have the
/// least luck: (1 - 3/64)^1440 is less than 1e-30.
inline constexpr unsigned kMaxIvTries = 1440;

/// A frame that will be sealed as ciphertext, tag, IV behind its clear bytes.
struct FrameToSeal {
  const CodecRule &codec;  // with payloader_takes
  FrameType type;
  ByteView clear;  // the AAD
  ByteView plain;
};

/// Draws IVs from `ivs` until the payloader takes what `aead` makes of the frame. All IVs that were
/// tried are spent. None when no IV could be drawn, the cipher failed or no IV was found.
std::optional<Iv> choose_iv(Aead &aead, IvSource &ivs, const FrameToSeal &frame);

}  // namespace e2ee
