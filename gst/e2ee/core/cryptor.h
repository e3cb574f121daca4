/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A scheme at work on the frames of one stream. No GLib, no locks; one thread at a time.
#pragma once

#include "core/layout.h"
#include "core/sframe.h"

namespace e2ee {

class Sealer {
 public:
  Sealer(const Sealer &) = delete;  // its layout refers to it
  Sealer &operator=(const Sealer &) = delete;

  /// `kid`: SFrame with an explicit KID.
  explicit Sealer(const Scheme &scheme, RandomFn random = random_bytes,
                  std::optional<std::uint64_t> kid = {})
      : scheme_(scheme), random_(random), kids_(kid, random) {}

  /// Encrypts `frame` with `key`; see LayoutSealer::seal() for `out`. An empty frame stays empty.
  Result<Written> seal(const KeyRef &key, const CodecRule &codec, FrameType type, ByteView frame,
                       ByteSpan out);

  /// The stream of the frames that follow.
  void set_stream(StreamId stream) { stream_ = stream; }

  void retain(const KeyRing &ring) {
    if (layout_)
      layout_->retain(ring);
  }

 private:
  const Scheme &scheme_;
  RandomFn random_;
  KidSource kids_;
  StreamId stream_;
  const CodecRule *codec_ = nullptr;  // of the layout; null: of none that the scheme carries
  std::unique_ptr<LayoutSealer> layout_;
};

class Opener {
 public:
  Opener(const Opener &) = delete;
  Opener &operator=(const Opener &) = delete;
  explicit Opener(const Scheme &scheme) : scheme_(scheme) {}

  /// Decrypts `frame` with the key of `ring` that it names; see LayoutOpener::open() for `out`. An
  /// empty frame stays empty.
  Result<Opened, Unopened> open(const KeyRing &ring, const CodecRule &codec, ByteView frame,
                                ByteSpan out);

  /// The stream of the frames that follow.
  void set_stream(StreamId stream) { memory_.stream = stream; }

  void retain(const KeyRing &ring);

  /// Refuses frames whose IV was among the last `window` accepted under their key, or with SFrame
  /// whose counter is that far behind; 0 switches it off.
  void set_replay_window(std::size_t window) { memory_.accepted->set_window(window); }
  void forget_accepted() { memory_.accepted->forget(); }
  /// What another reader has accepted. Returns what this one had.
  std::shared_ptr<AcceptedFrames> exchange_accepted(std::shared_ptr<AcceptedFrames> other) {
    return std::exchange(memory_.accepted, std::move(other));
  }

  /// Frames in a row that did not verify.
  unsigned failures() const { return memory_.search.failures(); }

 private:
  const Scheme &scheme_;
  OpenerMemory memory_;
  const CodecRule *codec_ = nullptr;
  std::unique_ptr<LayoutOpener> layout_;
};

}  // namespace e2ee
