/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What stands behind the clear bytes of a frame with a trailer, and how it is sealed and opened.
#pragma once

#include "core/trailer.h"

namespace e2ee {

/// Writes ciphertext, tag, IV and trailer to `out`, which is where `plain` is or apart from it.
bool seal_body(SealState &state, const Iv &iv, ByteView aad, ByteView plain, std::uint8_t *out);

/// One way to read a frame.
struct SealedBody {
  ByteView aad;
  ByteView ciphertext;
  const std::uint8_t *tag;
  Iv iv;
  std::uint8_t *out;  // for the plaintext: where the ciphertext is, or apart from it
};

/// The body from `at` on of `bytes`, which end with the IV.
SealedBody body_of(ByteView aad, ByteView bytes, std::size_t at, std::uint8_t *out);

/// Opens the first of `readings` that verifies, and sets opened.key. On failure nothing decrypted
/// is left.
Reason open_body(OpenStates &states, const KeyRing &ring, const KeySlot &slot,
                 std::span<const SealedBody> readings, Opened &opened, std::size_t &which);

/// Opens a frame of which as many bytes are clear as its type or, where the rule says so, the other
/// type leaves. `sealed` is all of it up to the IV's end; opened.key_id is the key to take.
Reason open_cut(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                ByteView sealed, ByteSpan out, Opened &opened);

/// The same for frames of NAL units.
Reason nal_seal(SealState &state, const SealRequest &request, ByteSpan out, std::size_t &written);
Reason nal_open(OpenStates &states, const KeyRing &ring, const OpenRequest &request, ByteSpan out,
                Opened &opened);

}  // namespace e2ee
