/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The parts of SFrame (RFC 9605): header, cipher suites, the keys of a KID and of a stream, and who
// counts. Its layout is in layout_sframe.cpp.
#pragma once

#include <atomic>
#include <optional>

#include "core/aead.h"
#include "core/kdf.h"
#include "core/key.h"
#include "core/random.h"
#include "core/result.h"
#include "core/scheme.h"

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

/// Of the ratchet, section 5.1.
inline constexpr std::string_view kSframeRatchetLabel = "SFrame 1.0 Ratchet";

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

// ---- streams ------------------------------------------------------------------------------------

/// The stream that frames belong to: the SSRC of their RTP packets, where that is known.
using StreamId = std::optional<std::uint32_t>;

/// Keys for each SSRC, draft-ietf-avtcore-rtp-sframe: the base key gives one to each stream, and
/// the ratchet is that one's. A few HKDF runs for each key; for one thread at a time.
class StreamKeys {
 public:
  explicit StreamKeys(const SframeSuite &suite) : suite_(suite) {}

  /// What the KIDs of `key` are expanded from in the stream; empty on failure.
  Secret secret_of(const Key &key, std::uint32_t ssrc) const;

  /// Frames of `key` pass: its stream need not be ratcheted from the base key any more.
  void settle(const Key &key, std::uint32_t ssrc);

  /// Where nothing is settled yet: as many frames as somebody forges, the way from the base key is
  /// gone once.
  void begin(const Key &key, std::uint32_t ssrc) {
    if (!is_settled(key, ssrc))
      settle(key, ssrc);
  }

  /// Forgets what came of keys that `ring` does not have.
  void retain(const KeyRing &ring);

 private:
  // A stream's key so many steps behind the base key.
  struct Point {
    std::shared_ptr<const KeyUsage> base;  // stands for the bytes of the base key; null: none
    std::uint32_t ssrc = 0;
    std::uint64_t steps = 0;
    Secret key;
  };
  bool is_settled(const Key &key, std::uint32_t ssrc) const {
    return settled_.base == key.usage && settled_.ssrc == ssrc;
  }
  std::optional<Point> walk(const Key &key, std::uint32_t ssrc, std::uint64_t steps) const;
  bool extract(const Secret &stream_key, Secret &secret) const;

  const SframeSuite &suite_;
  Point settled_;
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

/// The counter of a KID that is not drawn; the same object for the same secret, suite and KID as
/// long as the process lives, so that a second or restarted encryptor goes on counting. None is
/// ever forgotten, since it would begin at 0 again: with four million of them others fail. `alone`:
/// Reason::stream_in_use while another encryptor has it.
Result<std::shared_ptr<SframeCounter>> counter_of(const SframeSuite &suite, ByteView secret,
                                                  std::uint64_t kid, bool alone = false);

/// The KIDs of one encryptor: an explicit one, the key id, or 56 bits drawn once for the
/// encryptor's life, then key index and ratchet step. With the drawn bits comes one counter, which
/// goes on when the key changes: what is never set back cannot repeat, whatever keys come again. A
/// forked child draws anew.
class KidSource {
 public:
  struct Kid {
    std::uint64_t kid = 0;
    std::shared_ptr<SframeCounter> counter;
  };

  explicit KidSource(std::optional<std::uint64_t> kid = {}, RandomFn random = random_bytes)
      : explicit_(kid), random_(random) {}

  /// `secret`: of the key in its stream. Refused when nothing could be drawn, and when the stream's
  /// KID is another encryptor's.
  Result<Kid> kid_for(const Scheme &scheme, const Key &key, ByteView secret);

 private:
  Result<Kid> counted(const Scheme &scheme, const Key &key, ByteView secret) const;

  std::optional<std::uint64_t> explicit_;
  RandomFn random_;
  std::uint64_t drawn_ = 0;  // the upper 56 bits
  std::shared_ptr<SframeCounter> counter_;
  unsigned fork_ = 0;
};

/// Of the bits that a drawn KID has above key index and step.
inline constexpr unsigned kKidBitsBelowDrawn = 8;

}  // namespace e2ee
