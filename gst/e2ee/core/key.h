/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Material in, keys out, and the ring that holds them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/secret.h"

namespace e2ee {

struct Scheme;

enum class Kdf : std::uint8_t {
  automatic,  // PBKDF2 for passphrases, HKDF for bytes
  pbkdf2,
  hkdf,
};

/// What a key is derived from: a passphrase or raw bytes, and how.
struct Material {
  Secret bytes;
  bool passphrase = false;
  Kdf kdf = Kdf::automatic;
  std::optional<std::string> salt;  // none: the scheme's
  unsigned key_bits = 0;            // 128, 256, or 0: the scheme's
  std::uint64_t key_id = 0;
  std::uint64_t generation = 0;  // ratchet steps that lead to these bytes
  std::uint64_t steps = 0;       // further steps to take before use
  unsigned ratchet_window = 0;
  bool exportable = true;          // whether the application may read `bytes`; only ever cleared
  std::uint64_t lineage = 0;       // which setting of a key this comes from; 0: not known
  const Scheme *scheme = nullptr;  // ratcheted under this one, of no use to others

  Material clone() const;
};

/// How often one key value was used in this process, by whichever provider or element. A lower
/// bound of what NIST SP 800-38D section 8.3 limits to 2^32, since other senders of a shared key
/// are not seen here.
class KeyUsage {
 public:
  static constexpr std::uint64_t kSoftLimit = std::uint64_t{1} << 31;
  static constexpr std::uint64_t kHardLimit = std::uint64_t{1} << 32;

  void count() noexcept { frames_.fetch_add(1, std::memory_order_relaxed); }
  bool exhausted() const noexcept { return frames() >= kHardLimit; }
  /// Frames that named the key and did not verify.
  void fail() noexcept { failures_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t failures() const noexcept { return failures_.load(std::memory_order_relaxed); }
  std::uint64_t frames() const noexcept { return frames_.load(std::memory_order_relaxed); }
  void set_for_tests(std::uint64_t frames) noexcept { frames_ = frames; }

 private:
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> failures_{0};
};

/// The counter of a key value; the same object for the same bytes.
std::shared_ptr<KeyUsage> usage_of(ByteView key);

/// A derived key. Immutable and shared: each frame works on the one it took, whatever is set
/// meanwhile.
struct Key {
  Secret secret;  // for the AEAD
  Secret next;    // material of the next generation; with keys for each SSRC the base key itself
  Secret own;     // material of this one, when it was reached by ratcheting
  std::uint64_t id = 0;
  std::uint64_t generation = 0;
  std::uint64_t stream_steps = 0;  // ratchet steps of the key of each SSRC, from the base key on
  std::string fingerprint;
  std::shared_ptr<KeyUsage> usage;
  mutable std::atomic<std::uint64_t> sealed{0};  // frames, by all encryptors here
  mutable std::atomic<bool> ratchet_asked{false};
};
using KeyRef = std::shared_ptr<const Key>;

/// Derives the key of `material`, with its steps taken. `identity` is the participant the key
/// belongs to, empty for a shared key; it goes into the fingerprint only. Null when the scheme
/// refuses the material or the derivation fails.
KeyRef derive_key(const Scheme &scheme, const Material &material, std::string_view identity);

/// The key one ratchet step after `from`, which came from `material` or from a step after it.
KeyRef ratchet_key(const Scheme &scheme, const Material &material, const Key &from,
                   std::string_view identity);

/// The keys that a decryptor may try for one key id.
struct KeySlot {
  std::uint64_t id = 0;
  std::vector<KeyRef> keys;   // this generation, then those in their grace time, nearest first
  std::vector<KeyRef> ahead;  // generations to come, in order
};

/// All keys of one participant at one moment. Immutable once published.
struct KeyRing {
  std::vector<KeySlot> slots;  // ascending by id
  KeyRef current;              // encrypts; null when there is none
  int failure_tolerance = -1;  // failures in a row after which searches become rare; -1: never

  const KeySlot *find(std::uint64_t id) const noexcept;
  bool holds(const Key &key) const noexcept;
  KeySlot &slot(std::uint64_t id);  // made when missing
  void erase(std::uint64_t id);
};
using KeyRingRef = std::shared_ptr<const KeyRing>;

}  // namespace e2ee
