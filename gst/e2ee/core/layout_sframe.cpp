/* SPDX-License-Identifier: LGPL-2.1-or-later */
// SFrame, RFC 9605, with the clear bytes of VP8 in front as its metadata:
//
//   clear bytes | header 1..17 | ciphertext | tag
//
// The AAD is the header, then the clear bytes.
#include <algorithm>
#include <cstring>

#include "core/layout.h"
#include "core/recent.h"
#include "core/sframe.h"

namespace e2ee {

namespace {

/// The AAD of a frame; clear bytes are counted in a byte.
class Aad {
 public:
  Aad(ByteView header, ByteView clear) : size_(header.size() + clear.size()) {
    std::copy(clear.begin(), clear.end(), std::copy(header.begin(), header.end(), bytes_));
  }
  ByteView view() const { return {bytes_, size_}; }

 private:
  std::uint8_t bytes_[kMaxSframeHeader + 255];
  std::size_t size_;
};

// ---- sealing ------------------------------------------------------------------------------------

class SframeSealer final : public LayoutSealer {
 public:
  explicit SframeSealer(const SealerParts &parts)
      : scheme_(parts.scheme), clear_(parts.clear), kids_(parts.kids) {}

  Result<Written> seal(const KeyRef &key, FrameType type, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override {
    if (key_ && !ring.holds(*key_)) {
      key_.reset();
      cipher_.reset();
    }
  }

 private:
  bool use(const KeyRef &key);

  const Scheme &scheme_;
  const ClearRule &clear_;
  KidSource &kids_;
  KeyRef key_;
  KidSource::Kid kid_;
  std::unique_ptr<SframeKey> cipher_;  // of this KID
  unsigned fork_ = 0;
};

Result<Written> SframeSealer::seal(const KeyRef &key, FrameType type, ByteView frame,
                                   ByteSpan out) {
  const std::size_t clear = clear_.length(type);
  if (frame.size() < clear)
    return Reason::malformed;
  if (!use(key))
    return Reason::internal;
  std::uint64_t counter = 0;
  if (!kid_.counter->take(counter))
    return Reason::key_limit;
  std::uint8_t header[kMaxSframeHeader];
  const std::size_t header_size = write_sframe_header(kid_.kid, counter, header);
  const Aad aad({header, header_size}, frame.first(clear));
  // Where the body of a frame lies that is encrypted in place.
  const ByteView plain = frame.subspan(clear);
  std::uint8_t *body = out.data() + scheme_.headroom + clear;
  if (!cipher_->aead->seal(cipher_->nonce(counter), aad.view(), plain, body, body + plain.size()))
    return Reason::internal;
  std::uint8_t *start = body - header_size - clear;
  std::memmove(start, frame.data(), clear);
  std::memcpy(start + clear, header, header_size);
  return Written{static_cast<std::size_t>(start - out.data()),
                 clear + header_size + plain.size() + scheme_.suite->tag_size};
}

// In a forked child the KID is drawn anew.
bool SframeSealer::use(const KeyRef &key) {
  const unsigned fork = fork_generation();
  if (cipher_ && key_ == key && fork_ == fork)
    return true;
  cipher_.reset();
  key_ = key;
  fork_ = fork;
  kid_ = kids_.kid_for(*scheme_.suite, *key);
  if (kid_.counter)
    cipher_ = SframeKey::expand(*scheme_.suite, key->secret.view(), kid_.kid, Direction::seal);
  return cipher_ != nullptr;
}

// ---- opening ------------------------------------------------------------------------------------

class SframeOpener final : public LayoutOpener, OpenCiphers {
 public:
  explicit SframeOpener(const OpenerParts &parts)
      : scheme_(parts.scheme), codec_(parts.codec), clear_(parts.clear), memory_(parts.memory) {}

  Result<Opened, Unopened> open(const KeyRing &ring, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override {
    senders_.remove_if([&](const Sender &sender) { return !ring.holds(*sender.key); });
  }

 private:
  // A KID from which a frame has verified under a key.
  struct Sender {
    KeyRef key;
    std::uint64_t kid;
    std::unique_ptr<SframeKey> cipher;
  };

  bool may_expand();
  Result<Cipher> cipher_for(const KeyRef &key, bool is_likely, const Reading &reading) override;
  bool accept(const KeyRef &key, const Reading &reading) override;

  static constexpr std::size_t kMostSenders = 256;

  const Scheme &scheme_;
  const CodecRule &codec_;
  const ClearRule &clear_;
  OpenerMemory &memory_;
  // Of the frame, and the key that is tried:
  SframeHeader header_;
  Sender *sender_ = nullptr;
  std::unique_ptr<SframeKey> fresh_;  // of a sender that has not proved itself
  // Only who holds the key can make the least used one be forgotten.
  RecentList<Sender> senders_{kMostSenders};
  TokenBucket expansions_;
  TokenBucket expansions_of_known_;
};

Result<Opened, Unopened> SframeOpener::open(const KeyRing &ring, ByteView frame, ByteSpan out) {
  const std::size_t clear = clear_.length(codec_.frame_type(frame));
  if (frame.size() <= clear)
    return Unopened(Reason::malformed);
  const std::optional<SframeHeader> header = parse_sframe_header(frame.subspan(clear));
  const std::size_t tag_size = scheme_.suite->tag_size;
  if (!header || frame.size() - clear - header->size < tag_size)
    return Unopened(Reason::malformed);
  header_ = *header;
  const std::uint64_t key_id = scheme_.plain_kids ? header->kid : key_index_of_kid(header->kid);
  const KeySlot *slot = ring.find(key_id);
  if (slot == nullptr)
    return Unopened(Reason::missing_key, key_id);

  const std::size_t at = clear + header->size;
  const ByteView body = frame.subspan(at, frame.size() - at - tag_size);
  const Aad aad(frame.subspan(clear, header->size), frame.first(clear));
  const Reading reading{aad.view(), body, body.data() + body.size(), out.data() + at};
  const auto step = scheme_.plain_kids ? std::nullopt : std::optional(step_of_kid(header->kid));
  const Result<KeySearch::Found> found =
      memory_.search.open(ring, *slot, step, {&reading, 1}, *this);
  fresh_.reset();
  if (!found)
    return Unopened(found.refusal(), key_id);
  std::memmove(out.data() + header->size, frame.data(), clear);
  return Opened{header->size, clear + body.size(), found->key, slot};
}

// Whether there is time for a KID that has not proved itself. A sender that is known by the bits
// that it drew, and now uses another key, need not queue with forged ones.
bool SframeOpener::may_expand() {
  const bool is_known = senders_.find([&](const Sender &sender) {
    return sender.kid >> 8 == header_.kid >> 8;
  }) != nullptr;
  return is_known ? expansions_of_known_.take() : expansions_.take();
}

Result<OpenCiphers::Cipher> SframeOpener::cipher_for(const KeyRef &key, bool, const Reading &) {
  const SframeKey *cipher = nullptr;
  sender_ = senders_.find(
      [&](const Sender &sender) { return sender.kid == header_.kid && sender.key == key; });
  if (sender_ != nullptr) {
    cipher = sender_->cipher.get();
  } else {
    if (!may_expand())
      return Reason::auth_failed;
    fresh_ = SframeKey::expand(*scheme_.suite, key->secret.view(), header_.kid, Direction::open);
    cipher = fresh_.get();
  }
  if (cipher == nullptr)
    return Reason::internal;
  return Cipher{cipher->aead.get(), cipher->nonce(header_.counter)};
}

bool SframeOpener::accept(const KeyRef &key, const Reading &) {
  if (sender_ != nullptr)
    senders_.use(*sender_);
  else
    senders_.add({key, header_.kid, std::move(fresh_)});
  return memory_.accepted->accept(*key, header_.kid, header_.counter);
}

}  // namespace

std::unique_ptr<LayoutSealer> sframe_sealer(const SealerParts &parts) {
  return std::make_unique<SframeSealer>(parts);
}

std::unique_ptr<LayoutOpener> sframe_opener(const OpenerParts &parts) {
  return std::make_unique<SframeOpener>(parts);
}

}  // namespace e2ee
