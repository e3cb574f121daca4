/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The frame layout that LiveKit, RealtimeKit and Jitsi share:
//
//   clear bytes | ciphertext | tag 16 | IV 12 | 0x0C | key index
//
// AES-GCM, the clear bytes are the AAD.
#pragma once

#include <optional>

#include "core/cryptor.h"

namespace e2ee {

inline constexpr std::size_t kTrailerSize = kIvSize + 2;
inline constexpr std::size_t kTrailerOverhead = kTagSize + kTrailerSize;

/// Whether `frame` ends like one of these; false for frames in the clear, almost always.
bool has_trailer(ByteView frame);
inline bool recognises_trailer(const Scheme &, ByteView frame) {
  return has_trailer(frame);
}

/// What the end of a frame says, for who has no key.
struct TrailerFields {
  std::uint64_t key_id = 0;
  Iv iv{};
};
/// None for a frame that does not end like one of these. `frame` has no packet trailer.
std::optional<TrailerFields> read_trailer(const CodecRule &codec, ByteView frame);
/// The same for frames of NAL units.
std::optional<TrailerFields> nal_read_trailer(const NalRule &rule, ByteView frame);

Reason trailer_seal(SealState &state, const SealRequest &request, ByteSpan out,
                    std::size_t &written);
Reason trailer_open(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                    ByteSpan out, Opened &opened);

}  // namespace e2ee
