/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How encrypted frames are laid out: one file a layout, with a class that seals and one that opens.
// Which it is follows from scheme and codec.
#pragma once

#include "core/acceptedframes.h"
#include "core/keysearch.h"
#include "core/random.h"
#include "core/sframe.h"

namespace e2ee {

/// A frame as it was written into an output.
struct Written {
  std::size_t offset = 0;  // in the output
  std::size_t size = 0;
};

/// Seals the frames of one codec. For one thread at a time.
class LayoutSealer {
 public:
  virtual ~LayoutSealer() = default;

  /// Encrypts `frame`, which is not empty, into `out`, which has room for it and the scheme's
  /// overhead. The frame is in memory that does not overlap, or the scheme's headroom into `out`.
  virtual Result<Written> seal(const KeyRef &key, FrameType type, ByteView frame, ByteSpan out) = 0;

  /// Drops the keyed cipher, and with it the key schedule in its memory, unless `ring` has the key.
  virtual void retain(const KeyRing &ring) = 0;
};

struct SealerParts {
  const Scheme &scheme;
  const CodecRule &codec;
  const ClearRule &clear;
  RandomFn random;
  // Of the encryptor, whatever it seals:
  KidSource &kids;
  const StreamId &stream;
};

std::unique_ptr<LayoutSealer> make_sealer(const SealerParts &parts);

/// A frame that was decrypted.
struct Opened {
  std::size_t offset = 0;         // of the plaintext in the output
  std::size_t size = 0;           // of the plaintext
  const KeyRef *key = nullptr;    // that verified, of the slot; null for an empty frame
  const KeySlot *slot = nullptr;  // of the ring: of the key id that the frame names
};

/// Why a frame was not decrypted.
struct Unopened {
  Unopened(Reason why, std::uint64_t id = 0) : reason(why), key_id(id) {}
  Reason reason;
  std::uint64_t key_id;  // that the frame names, if it got that far
};

/// Opens the frames of one codec. For one thread at a time.
class LayoutOpener {
 public:
  virtual ~LayoutOpener() = default;

  /// Decrypts `frame`, which is not empty, with the key of `ring` that it names into `out`: as long
  /// as the frame, and its own memory or apart from it. On failure nothing decrypted is left in
  /// `out`; where the key is missing, the frame is as it was.
  virtual Result<Opened, Unopened> open(const KeyRing &ring, ByteView frame, ByteSpan out) = 0;

  /// Drops the keyed ciphers of keys that `ring` does not have.
  virtual void retain(const KeyRing &ring) = 0;
};

/// What a decryptor has learnt, whatever it opens.
struct OpenerMemory {
  KeySearch search;
  std::shared_ptr<AcceptedFrames> accepted = std::make_shared<AcceptedFrames>();
  StreamId stream;  // of the frames
};

struct OpenerParts {
  const Scheme &scheme;
  const CodecRule &codec;
  const ClearRule &clear;
  OpenerMemory &memory;
};

std::unique_ptr<LayoutOpener> make_opener(const OpenerParts &parts);

}  // namespace e2ee
