/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Authenticated encryption with 12-byte IVs: AES-GCM with 16-byte tags, the only kind the trailer
// schemes use, and for SFrame AES-CTR with an HMAC that is cut to the suite's tag.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "core/reason.h"

namespace e2ee {

inline constexpr std::size_t kIvSize = 12;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kBlockSize = 16;

using Iv = std::array<std::uint8_t, kIvSize>;

enum class Direction { seal, open };

/// What opening leaves in its output when a frame does not verify.
enum class OnMismatch {
  wipe,     // zeros
  restore,  // in place the ciphertext, for the next key to try; zeros elsewhere
};

/// One key in one direction, keyed once. Not for two threads at a time.
///
/// AES-GCM decrypts before the tag can be compared. What did not verify never outlives open():
/// seal() and open() are not virtual, so that sizes are checked and the output is wiped in one
/// place, whatever a back end does.
class Aead {
 public:
  virtual ~Aead() = default;

  /// Encrypts `in` to `out` (as long as `in`; the same place or one that does not overlap) and
  /// writes the tag. False when the cipher failed; `out` then holds nothing of use.
  bool seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out, std::uint8_t *tag);

  /// Decrypts. Reason::ok; Reason::auth_failed when the tag does not verify; Reason::internal when
  /// the cipher failed, with `out` wiped. Trying several keys in place, pass `restore` with all but
  /// the last.
  Reason open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out, const std::uint8_t *tag,
              OnMismatch on_mismatch = OnMismatch::wipe);

  /// AES of `blocks` (a multiple of 64 bytes) in place, for a look at the keystream of candidate
  /// IVs; false where there is no such thing. Keys for sealing only.
  virtual bool encrypt_blocks(ByteSpan blocks) = 0;

 protected:
  virtual bool do_seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                       std::uint8_t *tag) = 0;

  /// May leave anything in `out` on failure. In place, where the tag did not verify, it either left
  /// the ciphertext alone, or doing it once more turns it back: counter mode undoes itself.
  virtual Reason do_open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                         const std::uint8_t *tag) = 0;
};

/// An AES-GCM implementation: one file, one line in the table of aead.cpp.
struct AeadBackend {
  const char *name;
  /// Why it cannot be used here and what to do about it, for people; null when it can. Answers anew
  /// at each call: OpenSSL may enter FIPS mode at any time.
  const char *(*why_not)();
  /// Whether a usable one is faster here than those behind it in the table.
  bool (*worthwhile)();
  std::unique_ptr<Aead> (*create)(ByteView key, Direction direction);
};

/// Those of this build, the fastest first.
std::span<const AeadBackend> aead_backends();

struct AeadChoice {
  const AeadBackend *backend = nullptr;  // null: the one that was asked for cannot be used
  std::string complaint;                 // of what was asked for, and what to do, for people
};

/// The back end of this name; with an empty name the first one that is usable and worthwhile.
AeadChoice choose_aead(std::string_view asked);

/// What the environment variable GST_E2EE_AEAD and this machine make of it. What the variable said
/// first counts for the life of the process.
AeadChoice aead_in_use();

/// The chosen back end's cipher; null for a key that is not 16 or 32 bytes long, or when the cipher
/// cannot be had.
std::unique_ptr<Aead> make_aead(ByteView key, Direction direction);

/// AES-CTR and HMAC under the two parts of a key: AES-128 with SHA-256 of 16 and 32 bytes, AES-256
/// with SHA-512 of 32 and 64; null when they cannot be had.
std::unique_ptr<Aead> make_ctr_hmac(ByteView key, Direction direction, std::size_t tag_size);

}  // namespace e2ee
