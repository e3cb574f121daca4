/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames and packets of SFrame over RTP (draft-ietf-avtcore-rtp-sframe) in caps and buffers. One
// buffer is one SFrame ciphertext; a packet has its RTP header in front of it.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "core/codec.h"

namespace e2ee {

/// What caps have so that payloader, depayloader and crypto elements know each other.
inline constexpr char kE2eeField[] = "e2ee";
inline constexpr char kSframeRtp[] = "sframe-rtp";
inline constexpr char kRtpCaps[] = "application/x-rtp";

bool is_sframe_rtp(const GstStructure *caps);

/// Whether these are RTP packets of which each is encrypted by itself.
bool has_sframe_packets(const GstStructure *caps);

/// The rule for frames or packets of these caps; null when there is none.
const CodecRule *codec_of_caps(const GstStructure *caps);

/// Whether a buffer of these caps, which are of the codec, is a whole frame in the format that is
/// encrypted.
bool has_whole_frames(const GstStructure *caps, const CodecRule &codec);

/// The caps of frames, which are in the clear as `caps` say, for SFrame over RTP: with the field,
/// NAL units as byte streams, and AV1's format named, which encoders leave out. The caller owns
/// them.
GstCaps *with_sframe_rtp(const GstCaps *caps);

/// The same caps without the field. The caller owns them.
GstCaps *without_sframe_rtp(const GstCaps *caps);

/// How long the header of an RTP packet is, CSRCs and extensions included. None for what is no
/// packet, or one with padding, whose length would be ciphertext.
std::optional<std::size_t> rtp_header_size(ByteView packet);

}  // namespace e2ee
