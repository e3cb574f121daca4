/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The parts of SFrame (RFC 9605): header, cipher suites, the keys of a KID, and who counts. Its
// layout is in layout_sframe.cpp.
#pragma once

#include <atomic>
#include <optional>

#include "core/aead.h"
#include "core/kdf.h"
#include "core/key.h"
#include "core/random.h"

namespace e2ee {

// ---- header -------------------------------------------------------------------------------------

inline constexpr std::size_t kMaxSframeHeader = 17;

struct SframeHeader {
  std::uint64_t kid = 0;
  std::uint64_t counter = 0;
  std::size_t size = 0;
};

/// None for bytes that end too early, and for numbers that are not written as short as they can be,
/// as RFC 9605 section 4.3 obliges senders to.
std::optional<SframeHeader> parse_sframe_header(ByteView bytes);

/// Writes at most kMaxSframeHeader bytes; returns how many.
std::size_t write_sframe_header(std::uint64_t kid, std::uint64_t counter, std::uint8_t *to);

// ---- suites -------------------------------------------------------------------------------------

struct SframeSuite {
  unsigned id;
  Hash hash;
  std::size_t secret_size;  // Nh
  std::size_t key_size;     // Nk
  std::size_t tag_size;     // Nt
  std::unique_ptr<Aead> (*make)(ByteView key, Direction direction, std::size_t tag_size);
};

std::span<const SframeSuite> sframe_suites();

/// Cipher and salt of one KID.
struct SframeKey {
  std::unique_ptr<Aead> aead;
  Iv salt{};

  /// From the secret of a base key; null when that is gone or the cipher cannot be had.
  static std::unique_ptr<SframeKey> expand(const SframeSuite &suite, ByteView secret,
                                           std::uint64_t kid, Direction direction);
  ~SframeKey();

  Iv nonce(std::uint64_t counter) const;
};

// ---- sending ------------------------------------------------------------------------------------

/// The counter of a KID under a base key. Thread-safe; never goes back, and in a forked child,
/// where the parent goes on with the same numbers, gives none.
class SframeCounter {
 public:
  SframeCounter() : fork_(fork_generation()) {}
  /// The next number; false when there is none that was not used.
  bool take(std::uint64_t &counter);
  void set_for_tests(std::uint64_t next) { next_ = next; }

 private:
  const unsigned fork_;
  std::atomic<std::uint64_t> next_{0};
};

/// The counter of an explicit KID; the same object for the same base key, suite and KID as long as
/// the process lives, so that a second or restarted encryptor goes on counting. Null on failure.
std::shared_ptr<SframeCounter> counter_of(const SframeSuite &suite, ByteView secret,
                                          std::uint64_t kid);

/// The KIDs of one encryptor: an explicit one, or 56 bits drawn once for the encryptor's life, then
/// key index and ratchet step. With the drawn bits comes one counter, which goes on when the key
/// changes: what is never set back cannot repeat, whatever keys come again. A forked child draws
/// anew.
class KidSource {
 public:
  struct Kid {
    std::uint64_t kid = 0;
    std::shared_ptr<SframeCounter> counter;  // null when nothing could be drawn
  };

  explicit KidSource(std::optional<std::uint64_t> kid = {}, RandomFn random = random_bytes)
      : explicit_(kid), random_(random) {}

  Kid kid_for(const SframeSuite &suite, const Key &key);

 private:
  std::optional<std::uint64_t> explicit_;
  RandomFn random_;
  std::uint64_t drawn_ = 0;  // the upper 56 bits
  std::shared_ptr<SframeCounter> counter_;
  unsigned fork_ = 0;
};

// What a KID says that KidSource drew.
inline std::uint64_t key_index_of_kid(std::uint64_t kid) {
  return kid >> 4 & 15;
}
inline unsigned step_of_kid(std::uint64_t kid) {
  return kid & 15;
}

}  // namespace e2ee
