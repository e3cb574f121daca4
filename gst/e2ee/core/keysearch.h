/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Which key opens a frame, and which way to read it: keys are tried until a tag verifies.
#pragma once

#include "core/aead.h"
#include "core/budget.h"
#include "core/key.h"
#include "core/result.h"

namespace e2ee {

/// The generation of a frame's key, as far as the frame names it: its lowest bits.
struct Step {
  std::uint64_t bits;
  std::uint64_t mask;
  bool is_of(const Key &key) const { return (key.generation & mask) == bits; }
};

/// One way to read a frame.
struct Reading {
  ByteView aad;
  ByteView ciphertext;
  const std::uint8_t *tag;
  std::uint8_t *out;  // for the plaintext: where the ciphertext is, or apart from it
  Iv iv;              // where the frame has it
};

/// The keyed ciphers of a layout.
class OpenCiphers {
 public:
  struct Cipher {
    Aead *aead;
    Iv iv;
  };

  /// To try `reading` with. `is_likely`: the key is tried with any frame. Refused with auth_failed:
  /// this key is not to be tried.
  virtual Result<Cipher> cipher_for(const KeyRef &key, bool is_likely, const Reading &reading) = 0;

  /// The tag has verified with what cipher_for() gave last. False when this frame came before.
  virtual bool accept(const KeyRef &key, const Reading &reading) = 0;

 protected:
  ~OpenCiphers() = default;
};

/// Tries keys with frames, likeliest first; it learns from frames that verify. What is tried with
/// any frame bounds what a forged one costs; the rest is a search, and those are rationed.
class KeySearch {
 public:
  struct Found {
    const KeyRef *key;  // in the slot
    std::size_t reading;
  };

  /// Opens the first of `readings` that verifies with a key of `slot`. `step`: what the frame
  /// says of its key's generation; null: it may be any. On failure nothing decrypted is left;
  /// missing_key: the slot has no such generation.
  Result<Found> open(const KeyRing &ring, const KeySlot &slot, const Step *step,
                     std::span<const Reading> readings, OpenCiphers &ciphers);

  /// Frames in a row that did not verify.
  unsigned failures() const { return budget_.failures(); }

  void retain(const KeyRing &ring);

 private:
  struct Candidates;
  struct Try;

  Candidates candidates(const KeySlot &slot, const Step *step) const;
  template <typename TryAt>
  Result<Found> try_each(std::size_t count, TryAt try_at, std::span<const Reading> readings,
                         bool is_search, bool more_follow, OpenCiphers &ciphers);
  void passed(const KeyRef &key);
  void failed();

  SearchBudget budget_;
  unsigned wary_ = 0;               // for so many good frames more
  KeyRef last_;                     // of the frame that passed last; in the ring
  std::vector<std::uint8_t> copy_;  // of the ciphertext, among frames that fail
};

}  // namespace e2ee
