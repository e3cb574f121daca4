/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What has to be known of a codec to encrypt its frames. One row in codec.cpp, and a file where
// frames have to be looked into.
#pragma once

#include <array>

#include "core/bytes.h"

namespace e2ee {

struct NalRule;

enum class CodecId : std::uint8_t { vp8, vp9, opus, h264, h265, av1, data };

/// Where all frames are alike, they are delta.
enum class FrameType : std::uint8_t { key, delta };

struct FrameSize {
  unsigned width = 0;
  unsigned height = 0;
};

/// What a ciphertext may begin with: its first 32 bits, the first of them highest, are `bits` where
/// `mask` is set.
struct Beginning {
  std::uint32_t mask;
  std::uint32_t bits;
};
using Beginnings = std::array<Beginning, 2>;

struct CodecRule {
  CodecId id;
  const char *name;        // for people
  const char *media_type;  // of the caps
  const char *rtp_name;    // of its RTP payload format, in caps and SDP
  bool video;

  /// See frame_type(); null: all frames are alike.
  FrameType (*read_type)(ByteView frame) = nullptr;

  /// See frame_size(); null: frames state none that payloaders need.
  FrameSize (*read_size)(ByteView key_frame) = nullptr;

  /// Set where frames are made of NAL units; frames are byte streams then.
  const NalRule *nal = nullptr;

  /// Of a whole frame in a buffer, where caps name it.
  const char *alignment = nullptr;

  /// Frames of SFrame over RTP: nothing of them is in the clear, see whole_frames_of().
  bool whole = false;

  /// Whether the stock payloader takes a frame whose encrypted part starts like this (at least
  /// kPayloaderSight bytes); null when it takes anything.
  bool (*payloader_takes)(ByteView ciphertext, FrameType type) = nullptr;

  /// Beginnings that are enough for payloader_takes(), whatever follows; no ciphertext has two of
  /// them. Null with payloader_takes().
  const Beginnings &(*taken_beginnings)(FrameType type) = nullptr;

  /// Key or delta, from the first byte or so; on an encrypted frame it is right where the scheme
  /// leaves that byte in the clear. `frame` is not empty.
  FrameType frame_type(ByteView frame) const {
    return read_type != nullptr ? read_type(frame) : FrameType::delta;
  }

  /// Size that a key frame in the clear states; zeros when it does not.
  FrameSize frame_size(ByteView key_frame) const {
    return read_size != nullptr ? read_size(key_frame) : FrameSize{};
  }

  /// Room that sealing `frame` takes beyond the scheme's overhead.
  std::size_t extra_room(ByteView frame) const;
};

/// How far into the ciphertext payloader_takes() looks.
inline constexpr std::size_t kPayloaderSight = 24;

/// The rule for a caps name; null when there is none.
const CodecRule *codec_for_media_type(std::string_view media_type);

std::span<const CodecRule *const> codecs();

/// The rule for frames of the codec as SFrame over RTP carries them; the same object for each
/// codec, which is one of codecs().
const CodecRule &whole_frames_of(const CodecRule &codec);

}  // namespace e2ee
