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
      : scheme_(parts.scheme),
        clear_(parts.clear),
        kids_(parts.kids),
        stream_(parts.stream),
        stream_keys_(*scheme_.suite) {}

  Result<Written> seal(const KeyRef &key, FrameType type, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override {
    stream_keys_.retain(ring);
    if (key_ && !ring.holds(*key_))
      forget_key();
  }

 private:
  Reason use(const KeyRef &key);
  Reason expand(ByteView secret);
  void forget_key() {
    key_.reset();
    cipher_.reset();
    kid_ = {};
  }

  const Scheme &scheme_;
  const ClearRule &clear_;
  KidSource &kids_;
  const StreamId &stream_;
  StreamKeys stream_keys_;
  KeyRef key_;
  StreamId key_stream_;  // that the cipher is for
  KidSource::Kid kid_;
  std::unique_ptr<SframeKey> cipher_;  // of this KID
  unsigned fork_ = 0;
};

Result<Written> SframeSealer::seal(const KeyRef &key, FrameType type, ByteView frame,
                                   ByteSpan out) {
  const std::size_t clear = clear_.length(type);
  if (frame.size() < clear)
    return Reason::malformed;
  if (const Reason reason = use(key); reason != Reason::ok)
    return reason;
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
Reason SframeSealer::use(const KeyRef &key) {
  const unsigned fork = fork_generation();
  if (cipher_ && key_ == key && fork_ == fork && key_stream_ == stream_)
    return Reason::ok;
  forget_key();
  if (scheme_.per_ssrc && !stream_)
    return Reason::unsupported;
  key_ = key;
  fork_ = fork;
  key_stream_ = stream_;
  if (!scheme_.per_ssrc)
    return expand(key->secret.view());
  stream_keys_.settle(*key, *stream_);
  return expand(stream_keys_.secret_of(*key, *stream_).view());
}

// The cipher of the KID that the key has now.
Reason SframeSealer::expand(ByteView secret) {
  Result<KidSource::Kid> kid = kids_.kid_for(scheme_, *key_, secret);
  if (!kid)
    return kid.refusal();
  kid_ = std::move(*kid);
  cipher_ = SframeKey::expand(*scheme_.suite, secret, kid_.kid, Direction::seal);
  return cipher_ ? Reason::ok : Reason::internal;
}

// ---- opening ------------------------------------------------------------------------------------

class SframeOpener final : public LayoutOpener, OpenCiphers {
 public:
  explicit SframeOpener(const OpenerParts &parts)
      : scheme_(parts.scheme),
        codec_(parts.codec),
        clear_(parts.clear),
        memory_(parts.memory),
        stream_keys_(*scheme_.suite) {}

  Result<Opened, Unopened> open(const KeyRing &ring, ByteView frame, ByteSpan out) override;
  void retain(const KeyRing &ring) override {
    stream_keys_.retain(ring);
    senders_.remove_if([&](const Sender &sender) { return !ring.holds(*sender.key); });
  }

 private:
  // A KID from which a frame has verified under a key.
  struct Sender {
    KeyRef key;
    std::uint64_t kid;
    StreamId stream;
    std::shared_ptr<const KeyUsage> secret;  // stands for what the cipher was expanded from
    std::unique_ptr<SframeKey> cipher;
  };

  bool may_expand();
  Reason expand(const KeyRef &key);
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
  std::optional<Sender> fresh_;  // that has not proved itself
  StreamKeys stream_keys_;
  // Only who holds the key can make the least used one be forgotten.
  RecentList<Sender> senders_{kMostSenders};
  TokenBucket expansions_;
  TokenBucket expansions_of_known_;
};

Result<Opened, Unopened> SframeOpener::open(const KeyRing &ring, ByteView frame, ByteSpan out) {
  if (scheme_.per_ssrc && !memory_.stream)
    return Unopened(Reason::unsupported);
  const std::size_t clear = clear_.length(codec_.frame_type(frame));
  if (frame.size() <= clear)
    return Unopened(Reason::malformed);
  const std::optional<SframeHeader> header = parse_sframe_header(frame.subspan(clear));
  const std::size_t tag_size = scheme_.suite->tag_size;
  if (!header || frame.size() - clear - header->size < tag_size)
    return Unopened(Reason::malformed);
  header_ = *header;
  const std::uint64_t key_id = scheme_.key_id_of(header->kid);
  const KeySlot *slot = ring.find(key_id);
  if (slot == nullptr)
    return Unopened(Reason::missing_key, key_id);

  const std::size_t at = clear + header->size;
  const ByteView body = frame.subspan(at, frame.size() - at - tag_size);
  const Aad aad(frame.subspan(clear, header->size), frame.first(clear));
  const Reading reading{aad.view(), body, body.data() + body.size(), out.data() + at};
  const std::uint64_t step_mask = (std::uint64_t{1} << scheme_.step_bits) - 1;
  const Step step{header->kid & step_mask, step_mask};
  const Result<KeySearch::Found> found =
      memory_.search.open(ring, *slot, step_mask != 0 ? &step : nullptr, {&reading, 1}, *this);
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
    return sender.kid >> kKidBitsBelowDrawn == header_.kid >> kKidBitsBelowDrawn;
  }) != nullptr;
  return is_known ? expansions_of_known_.take() : expansions_.take();
}

// A cipher for a sender that has not proved itself.
Reason SframeOpener::expand(const KeyRef &key) {
  const StreamId stream = memory_.stream;
  Secret of_stream;
  if (scheme_.per_ssrc) {
    stream_keys_.begin(*key, *stream);
    of_stream = stream_keys_.secret_of(*key, *stream);
  }
  const ByteView secret = scheme_.per_ssrc ? of_stream.view() : key->secret.view();
  auto cipher = SframeKey::expand(*scheme_.suite, secret, header_.kid, Direction::open);
  auto usage = scheme_.per_ssrc ? usage_of(secret) : key->usage;
  if (!cipher || !usage)
    return Reason::internal;
  fresh_ = Sender{key, header_.kid, stream, std::move(usage), std::move(cipher)};
  return Reason::ok;
}

Result<OpenCiphers::Cipher> SframeOpener::cipher_for(const KeyRef &key, bool, const Reading &) {
  sender_ = senders_.find([&](const Sender &sender) {
    return sender.kid == header_.kid && sender.key == key &&
           (!scheme_.per_ssrc || sender.stream == memory_.stream);
  });
  if (sender_ == nullptr) {
    if (!may_expand())
      return Reason::auth_failed;
    if (const Reason reason = expand(key); reason != Reason::ok)
      return reason;
  }
  const SframeKey &cipher = sender_ != nullptr ? *sender_->cipher : *fresh_->cipher;
  return Cipher{cipher.aead.get(), cipher.nonce(header_.counter)};
}

bool SframeOpener::accept(const KeyRef &key, const Reading &) {
  if (sender_ == nullptr && scheme_.per_ssrc)
    stream_keys_.settle(*key, *memory_.stream);
  const Sender &sender =
      sender_ != nullptr ? senders_.use(*sender_) : senders_.add(std::move(*fresh_));
  return memory_.accepted->accept(sender.secret, header_.kid, header_.counter);
}

}  // namespace

std::unique_ptr<LayoutSealer> sframe_sealer(const SealerParts &parts) {
  return std::make_unique<SframeSealer>(parts);
}

std::unique_ptr<LayoutOpener> sframe_opener(const OpenerParts &parts) {
  return std::make_unique<SframeOpener>(parts);
}

}  // namespace e2ee
