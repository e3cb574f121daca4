/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The frame layout that LiveKit, RealtimeKit and Jitsi share:
//
//   clear bytes | ciphertext | tag 16 | IV 12 | 0x0C | key index
//
// AES-GCM, the clear bytes are the AAD. Frames of NAL units have it with rules of their own.
#pragma once

#include <optional>

#include "core/iv.h"
#include "core/layout.h"
#include "core/recent.h"

namespace e2ee {

inline constexpr std::size_t kTrailerSize = kIvSize + 2;
inline constexpr std::size_t kTrailerOverhead = kTagSize + kTrailerSize;

/// Whether `frame` ends like one of these; false for frames in the clear, almost always.
bool has_trailer(ByteView frame);

/// What the end of a frame says, for who has no key.
struct TrailerFields {
  std::uint64_t key_id = 0;
  Iv iv{};
};
/// None for a frame that does not end like one of these. `frame` has no packet trailer.
std::optional<TrailerFields> read_trailer(const CodecRule &codec, ByteView frame);
/// The same for frames of NAL units.
std::optional<TrailerFields> nal_read_trailer(const NalRule &rule, ByteView frame);

/// A key at work for sealing: its cipher, and the IVs that belong to it.
class TrailerCipher {
 public:
  explicit TrailerCipher(RandomFn random) : ivs_(random) {}

  /// Keys the cipher, unless it has this key. False when the cipher cannot be had.
  bool use(const KeyRef &key);
  Aead &aead() { return *aead_; }
  IvSource &ivs() { return ivs_; }

  /// Writes ciphertext, tag, IV and trailer to `out`, which is where `plain` is or apart from it.
  bool seal(const Iv &iv, ByteView aad, ByteView plain, std::uint8_t *out);

  void retain(const KeyRing &ring);

 private:
  KeyRef key_;
  std::unique_ptr<Aead> aead_;
  IvSource ivs_;
};

/// Keyed ciphers of a decryptor, made at a key's first frame and bounded in number. Those of a
/// search are kept only when they have verified: forged frames make it neither long nor full.
class TrailerCiphers final : public OpenCiphers {
 public:
  static constexpr std::size_t kMost = 32;

  explicit TrailerCiphers(OpenerMemory &memory) : memory_(memory) {}

  /// `readings` are tried with the keys of `slot`.
  Result<KeySearch::Found> open(const KeyRing &ring, const KeySlot &slot,
                                std::span<const Reading> readings) {
    const auto found = memory_.search.open(ring, slot, nullptr, readings, *this);
    if (fresh_.key)
      fresh_ = {};
    return found;
  }
  void retain(const KeyRing &ring);

 private:
  struct Keyed {
    KeyRef key;
    std::unique_ptr<Aead> aead;
  };

  Result<Cipher> cipher_for(const KeyRef &key, bool is_likely, const Reading &reading) override;
  bool accept(const KeyRef &key, const Reading &reading) override;

  OpenerMemory &memory_;
  RecentList<Keyed> keyed_{kMost};
  Keyed fresh_;  // of a search
};

/// The body from `at` on of `bytes`, which end with the IV.
Reading reading_of(ByteView aad, ByteView bytes, std::size_t at, std::uint8_t *out);

class TrailerSealer final : public LayoutSealer {
 public:
  explicit TrailerSealer(const SealerParts &parts)
      : codec_(parts.codec), clear_(parts.clear), cipher_(parts.random) {}

  Result<Written> seal(const KeyRef &key, FrameType type, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override { cipher_.retain(ring); }

 private:
  const CodecRule &codec_;
  const ClearRule &clear_;
  TrailerCipher cipher_;
};

class TrailerOpener final : public LayoutOpener {
 public:
  explicit TrailerOpener(const OpenerParts &parts)
      : codec_(parts.codec), clear_(parts.clear), ciphers_(parts.memory) {}

  Result<Opened, Unopened> open(const KeyRing &ring, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override { ciphers_.retain(ring); }

  /// `sealed` is all of the frame up to the IV's end.
  Result<Opened, Unopened> open(const KeyRing &ring, std::uint64_t key_id, ByteView sealed,
                                ByteSpan out);

 private:
  const CodecRule &codec_;
  const ClearRule &clear_;
  TrailerCiphers ciphers_;
};

std::unique_ptr<LayoutSealer> nal_sealer(const SealerParts &parts);
std::unique_ptr<LayoutOpener> nal_opener(const OpenerParts &parts);

}  // namespace e2ee
