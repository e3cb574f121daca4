/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Authenticated encryption with 12-byte IVs: AES-GCM with 16-byte tags, the only kind the trailer
// schemes use, and for SFrame AES-CTR with an HMAC that is cut to the suite's tag.
#pragma once

#include <array>
#include <memory>

#include "core/bytes.h"

namespace e2ee {

inline constexpr std::size_t kIvSize = 12;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kBlockSize = 16;

using Iv = std::array<std::uint8_t, kIvSize>;

enum class Direction { seal, open };

/// One key in one direction, keyed once. Not for two threads at a time.
class Aead {
 public:
  virtual ~Aead() = default;

  /// Encrypts `in` to `out` (as long as `in`; the same place or one that does not overlap) and
  /// writes the tag. False when the cipher failed; `out` then holds nothing of use.
  virtual bool seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                    std::uint8_t *tag) = 0;

  /// Decrypts; false when the tag does not verify. `out` then holds unverified bytes, which the
  /// caller cleanses. Opening the result in place again with the same key restores the ciphertext.
  virtual bool open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                    const std::uint8_t *tag) = 0;

  /// AES of `blocks` (a multiple of 16 bytes), for a look at the keystream of candidate IVs; false
  /// where there is no such thing.
  virtual bool encrypt_blocks(ByteView blocks, std::uint8_t *out) = 0;
};

/// An AES-GCM implementation: one file, one line in the table of aead.cpp.
struct AeadBackend {
  const char *name;
  bool (*usable)();
  std::unique_ptr<Aead> (*create)(ByteView key, Direction direction);
};

std::span<const AeadBackend> aead_backends();

/// The first usable back end's cipher; null for a key that is not 16 or 32 bytes long, or when the
/// cipher cannot be had.
std::unique_ptr<Aead> make_aead(ByteView key, Direction direction);

/// AES-128-CTR and HMAC-SHA256 under the two parts of a key of 16 and 32 bytes; null when they
/// cannot be had. Opening leaves `out` alone unless the tag verifies.
std::unique_ptr<Aead> make_ctr_hmac(ByteView key, Direction direction, std::size_t tag_size);

}  // namespace e2ee
