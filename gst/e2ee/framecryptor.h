/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The library's inside: a frame in, a frame out. Our own plugin reaches it through private.h; it
// changes from one build to the next.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/codec.h"
#include "core/reason.h"
#include "framepool.h"
#include "gste2eekeyprovider.h"

namespace e2ee {

class AcceptedFrames;

/// What is told of a key: never the key.
struct KeyInfo {
  std::uint64_t id = 0;
  std::uint64_t generation = 0;
  std::string fingerprint;
  std::uint64_t failures = 0;  // frames that named it and did not verify
  const char *aead = "";       // whose AES works with it
};

/// What a cryptor is to do. The fields of SFrame count for that scheme alone.
struct CryptorOptions {
  GstE2EEScheme scheme = GST_E2EE_SCHEME_LIVEKIT;
  std::string participant;  // empty: the shared key
  bool encrypts = true;     // or only decrypts
  unsigned sframe_suite = 4;
  bool clear_header = true;
  bool plain_kids = false;                  // the KID is the key id
  std::optional<std::uint64_t> sframe_kid;  // to encrypt with; none: drawn
  unsigned ratchet_bits = 0;                // of the KID; 0: as plain_kids says
  bool per_ssrc = false;                    // keys for each SSRC
  std::optional<std::uint32_t> ssrc;        // of the stream; also asks for these keys
  // Wishes that not every scheme can grant:
  bool allow_plaintext = false;
  bool packet_trailer = false;
  // What take_accepted() gave: the reader that goes on is the same.
  std::shared_ptr<AcceptedFrames> accepted;
};

/// What a scheme asks of those who handle the memory and the caps of its frames.
struct SchemeFacts {
  const char *carries;      // what to use with codecs that it does not support, for people
  std::size_t overhead;     // bytes a frame grows by, at most
  std::size_t headroom;     // of these, in front of the frame
  ByteView server_trailer;  // of frames that its servers send in the clear; empty: they announce it
};

class FrameCryptor;

/// A frame on its way out, until this ends: pushed, or dropped. Removal of the frame's key waits
/// for that, for a frame that downstream holds up only shortly.
class Passage {
 public:
  Passage() = default;
  Passage(FrameCryptor &cryptor, unsigned removals) : cryptor_(&cryptor), removals_(removals) {}
  Passage(Passage &&other) noexcept
      : cryptor_(std::exchange(other.cryptor_, nullptr)), removals_(other.removals_) {}
  Passage &operator=(Passage &&other) noexcept {
    std::swap(cryptor_, other.cryptor_);
    std::swap(removals_, other.removals_);
    return *this;
  }
  ~Passage();

  /// Whether the frame's key is still there: to be asked right before the push, after all that may
  /// call into the application.
  bool is_open() const;

 private:
  FrameCryptor *cryptor_ = nullptr;
  unsigned removals_ = 0;  // of keys, until the frame was made
};

/// One direction of one element, for one participant. encrypt() and decrypt() belong to the
/// streaming thread; everything else may be called on any thread.
class FrameCryptor {
 public:
  struct Result {
    Reason reason = Reason::ok;
    std::size_t offset = 0;           // in the output, of what was written
    std::size_t size = 0;             // of what was written
    std::uint64_t key_id = 0;         // of the key used, or that the frame names
    bool near_limit = false;          // the key is past its soft limit
    std::uint64_t ratchet_steps = 0;  // that this frame proved its sender to have taken
    bool backing_off = false;         // more failures in a row than the provider tolerates
    bool has_notices = false;         // take_notices() has some
    Passage passage;                  // of a frame that was written
  };

  explicit FrameCryptor(const SchemeFacts &scheme_facts) : facts(scheme_facts) {}
  virtual ~FrameCryptor() = default;
  FrameCryptor(const FrameCryptor &) = delete;
  FrameCryptor &operator=(const FrameCryptor &) = delete;

  const SchemeFacts facts;

  /// Waits until the keys that were set before open() are derived; a provider that takes longer
  /// than `limit` delivers later.
  virtual void wait_ready(std::chrono::milliseconds limit) = 0;

  /// Whether the scheme takes frames of this codec.
  virtual bool supports(const CodecRule &codec) const = 0;

  /// The SSRC of the frames that follow, from which their keys are derived; to be called where
  /// per_ssrc or an SSRC was asked for. Any thread.
  virtual void set_ssrc(std::optional<std::uint32_t> ssrc) = 0;

  /// Memory to encrypt or decrypt into, of `size` bytes; see framepool.h.
  virtual FreshMemory allocate(std::size_t size) = 0;

  /// `out` has room for the frame and the overhead. The frame is apart from it or as many bytes
  /// into it as the headroom has. `key_id`: what to encrypt with, instead of the current key (-1).
  virtual Result encrypt(const CodecRule &codec, FrameType type, ByteView frame, ByteSpan out,
                         int key_id = -1) = 0;

  /// `out` is as long as the frame, and is its memory or apart from it. What does not verify
  /// leaves nothing decrypted behind.
  virtual Result decrypt(const CodecRule &codec, ByteView frame, ByteSpan out) = 0;

  /// Refuses frames whose IV was among the last `window` accepted ones, or with SFrame whose
  /// counter is that far behind; 0 switches it off.
  virtual void set_replay_window(std::size_t window) = 0;

  /// Frames that were accepted may come again.
  virtual void forget_accepted() = 0;

  /// What was accepted, for the cryptor that takes this one's place.
  virtual std::shared_ptr<AcceptedFrames> take_accepted() = 0;

  /// Whether a frame is laid out as the scheme lays out encrypted ones; those in the clear are not,
  /// almost always.
  virtual bool recognises(ByteView frame) const = 0;

  /// The key of the frame on its way out, if it was taken away since.
  virtual std::optional<std::uint64_t> withdrawn_key() = 0;

  /// Whether frames of this participant were ever encrypted, as far as the provider knows.
  virtual bool is_protected() const = 0;

  /// Things the provider wants the user to know, each once.
  virtual std::vector<std::string> take_notices() = 0;

  /// Whether a key is derived, to encrypt or decrypt with.
  virtual bool has_key() const = 0;

  /// The key of the last frame that passed, or before one the current key.
  virtual KeyInfo key_info() const = 0;

  enum class Event : std::uint8_t {
    keys_changed,    // keys were added or taken out; on a worker
    looked_up,       // a key that a frame asked for, found or not; on a worker
    keys_withdrawn,  // on the thread that took keys away, after the last frame's passage and before
                     // the removal returns
  };
  /// Calls that without a lock held. Set it before frames flow; an empty function takes it away and
  /// waits until a call under way is over.
  virtual void on(Event event, std::function<void()> call) = 0;

 private:
  friend class Passage;
  virtual bool may_leave(unsigned removals) = 0;
  virtual void frame_done() = 0;
};

inline bool Passage::is_open() const {
  return cryptor_ == nullptr || cryptor_->may_leave(removals_);
}

inline Passage::~Passage() {
  if (cryptor_ != nullptr)
    cryptor_->frame_done();
}

/// Takes a reference on `provider` and has its keys looked up. Null, with an error that says what
/// to do, when that cannot be; see check_options().
std::unique_ptr<FrameCryptor> open_frame_cryptor(GstE2EEKeyProvider *provider,
                                                 const CryptorOptions &options, GError **error);

}  // namespace e2ee
