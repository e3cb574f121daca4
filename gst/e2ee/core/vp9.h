/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP9 frames and superframes, "VP9 Bitstream & Decoding Process Specification", 6.2 and annex B.
#pragma once

#include <optional>
#include <vector>

#include "core/codec.h"

namespace e2ee {

struct Vp9Header {
  bool key = false;
  bool shown = false;
  std::optional<FrameSize> size;  // where the frame states it; else it is that of a reference
};

/// The start of the uncompressed header. A frame that shows an existing one is a shown delta.
Vp9Header read_vp9_header(ByteView frame);

/// The frames of a superframe with a valid index; what has none is one frame.
std::vector<ByteView> split_vp9_superframe(ByteView frames);

inline constexpr std::size_t kMaxVp9Frames = 8;

/// The index to put behind frames of these sizes, at most kMaxVp9Frames.
std::vector<std::uint8_t> vp9_superframe_index(std::span<const std::size_t> sizes);

}  // namespace e2ee
