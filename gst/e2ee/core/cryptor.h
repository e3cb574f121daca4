/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The frame cryptor: a scheme at work with keyed ciphers. No GLib, no locks; one thread at a time.
#pragma once

#include <array>
#include <list>

#include "core/acceptedframes.h"
#include "core/budget.h"
#include "core/iv.h"
#include "core/scheme.h"
#include "core/sframe.h"

namespace e2ee {

/// A key, keyed for sealing, with the IVs that belong to this encryptor.
class SealState {
 public:
  SealState(const Scheme &scheme, KeyRef key, KidSource &kids, RandomFn random)
      : key_(std::move(key)), kids_(kids), iv_(random) {
    if (scheme.trailer)
      aead_ = make_aead(key_->secret.view(), Direction::seal);
  }

  const Key &key() const { return *key_; }
  // Of the trailer schemes:
  Aead *aead() { return aead_.get(); }  // null when the cipher cannot be had
  IvSource &iv() { return iv_; }
  // Of SFrame:
  SframeSender &sframe() { return sframe_; }
  KidSource &kids() { return kids_; }

 private:
  KeyRef key_;
  KidSource &kids_;
  std::unique_ptr<Aead> aead_;
  IvSource iv_;
  SframeSender sframe_;
};

/// Keys of a ring's slot to try with a frame, in order.
using KeysToTry = std::span<const KeyRef *const>;

/// Those to try with any frame, likeliest first.
class LikelyKeys {
 public:
  void add(const KeyRef &key) { keys_[count_++] = &key; }
  KeysToTry view() const { return {keys_.data(), count_}; }
  /// What `keys` have besides.
  std::vector<const KeyRef *> others_of(std::span<const KeyRef> keys) const;

 private:
  std::array<const KeyRef *, 3> keys_{};
  std::size_t count_ = 0;
};

/// Keyed ciphers of a decryptor, made at a key's first frame and bounded in number; and which
/// frames were accepted, if that is wanted. Forged frames can push out a cipher, but nothing that
/// was learnt from frames that verified.
class OpenStates {
 public:
  static constexpr std::size_t kMax = 32;

  struct State {
    KeyRef key;
    std::unique_ptr<Aead> aead;  // null when the cipher cannot be had
  };

  State &state_for(const KeyRef &key);
  void retain(const KeyRing &ring);
  AcceptedFrames &accepted() { return *accepted_; }
  /// What another reader has accepted. Returns what this one had.
  std::shared_ptr<AcceptedFrames> exchange_accepted(std::shared_ptr<AcceptedFrames> other) {
    return std::exchange(accepted_, std::move(other));
  }

  /// The present generation of `slot`, which is not empty, and the one before. When the frames here
  /// are late, the one where they are and its next instead. All others are tried within searches().
  LikelyKeys likely(const KeySlot &slot) const;

  /// What became of a frame whose tag was looked at.
  void passed(const KeyRef &key);
  void failed();
  SearchBudget &searches() { return searches_; }
  /// Whether one of the latest frames failed: good ones among them prove nothing.
  bool expects_failures() const { return wary_ > 0; }
  /// As long as the longest frame that was tried with several keys.
  std::vector<std::uint8_t> &ciphertext_copy() { return copy_; }
  SframeReceiver &sframe() { return sframe_; }

 private:
  SearchBudget searches_;
  unsigned wary_ = 0;        // for so many good frames more
  KeyRef last_;              // of the frame that passed last; in the ring
  std::list<State> states_;  // latest used first
  std::shared_ptr<AcceptedFrames> accepted_ = std::make_shared<AcceptedFrames>();
  std::vector<std::uint8_t> copy_;
  SframeReceiver sframe_;
};

class Sealer {
 public:
  Sealer(const Sealer &) = delete;  // its state refers to it
  Sealer &operator=(const Sealer &) = delete;

  /// `kid`: SFrame with an explicit KID.
  explicit Sealer(const Scheme &scheme, RandomFn random = random_bytes,
                  std::optional<std::uint64_t> kid = {})
      : scheme_(scheme), random_(random), kids_(kid, random) {}

  /// Encrypts `frame` with `key`; see Scheme::seal for `out`. An empty frame stays empty.
  Reason seal(const KeyRef &key, const CodecRule &codec, FrameType type, ByteView frame,
              ByteSpan out, std::size_t &written);

  /// Drops the keyed cipher, and with it the key schedule in its memory, unless `ring` has the key.
  void retain(const KeyRing &ring);

 private:
  const Scheme &scheme_;
  RandomFn random_;
  KidSource kids_;  // outlives the states of its keys
  std::unique_ptr<SealState> state_;
};

class Opener {
 public:
  explicit Opener(const Scheme &scheme) : scheme_(scheme) {}

  /// Decrypts `frame` with the key of `ring` that it names; see Scheme::open for `out`.
  Reason open(const KeyRing &ring, const CodecRule &codec, ByteView frame, ByteSpan out,
              Opened &opened);

  /// Drops the keyed ciphers of keys that `ring` does not have.
  void retain(const KeyRing &ring) { states_.retain(ring); }

  /// Refuses frames whose IV was among the last `window` accepted under their key, or with SFrame
  /// whose counter is that far behind; 0 switches it off.
  void set_replay_window(std::size_t window) { states_.accepted().set_window(window); }
  void forget_accepted() { states_.accepted().forget(); }
  std::shared_ptr<AcceptedFrames> exchange_accepted(std::shared_ptr<AcceptedFrames> other) {
    return states_.exchange_accepted(std::move(other));
  }

  /// Frames in a row that did not verify.
  unsigned failures() { return states_.searches().failures(); }

 private:
  const Scheme &scheme_;
  OpenStates states_;
};

}  // namespace e2ee
