/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/trailer.h"

#include <algorithm>
#include <cstring>

#include "core/ivsearch.h"

namespace e2ee {

// ---- sealing ------------------------------------------------------------------------------------

Result<Written> TrailerSealer::seal(const KeyRef &key, FrameType type, ByteView frame,
                                    ByteSpan out) {
  const std::size_t clear = clear_.length(type);
  if (frame.size() < clear)
    return Reason::malformed;
  if (!cipher_.use(key))
    return Reason::internal;
  const ByteView aad = frame.first(clear);
  const ByteView plain = frame.subspan(clear);
  const std::optional<Iv> iv =
      codec_.payloader_takes != nullptr
          ? choose_iv(cipher_.aead(), cipher_.ivs(), {codec_, type, aad, plain})
          : cipher_.ivs().next();
  if (!iv || !cipher_.seal(*iv, aad, plain, out.data() + clear))
    return Reason::internal;
  if (out.data() != frame.data())
    std::memcpy(out.data(), frame.data(), clear);
  return Written{0, frame.size() + kTrailerOverhead};
}

bool TrailerCipher::seal(const Iv &iv, ByteView aad, ByteView plain, std::uint8_t *out) {
  std::uint8_t *tag = out + plain.size();
  if (!aead_->seal(iv, aad, plain, out, tag))
    return false;
  std::uint8_t *trailer = std::copy(iv.begin(), iv.end(), tag + kTagSize);
  trailer[0] = kIvSize;
  trailer[1] = static_cast<std::uint8_t>(key_->id);
  return true;
}

bool TrailerCipher::use(const KeyRef &key) {
  if (key_ != key || !aead_) {
    aead_ = make_aead(key->secret.view(), Direction::seal);
    ivs_.restart();
    key_ = key;
  }
  return aead_ != nullptr;
}

void TrailerCipher::retain(const KeyRing &ring) {
  if (!key_ || ring.holds(*key_))
    return;
  key_.reset();
  aead_.reset();
}

// ---- opening ------------------------------------------------------------------------------------

bool has_trailer(ByteView frame) {
  return frame.size() >= kTrailerOverhead && frame[frame.size() - 2] == kIvSize;
}

std::optional<TrailerFields> read_trailer(const CodecRule &codec, ByteView frame) {
  if (codec.nal != nullptr)
    return nal_read_trailer(*codec.nal, frame);
  if (!has_trailer(frame))
    return {};
  TrailerFields fields;
  fields.key_id = frame.back();
  std::copy_n(frame.end() - kTrailerSize, kIvSize, fields.iv.begin());
  return fields;
}

Result<Opened, Unopened> TrailerOpener::open(const KeyRing &ring, ByteView frame, ByteSpan out) {
  if (!has_trailer(frame))
    return Unopened(Reason::malformed);
  return open(ring, frame.back(), frame.first(frame.size() - 2), out);
}

// As many bytes are clear as the frame's type or, where the rule says so, the other type leaves.
Result<Opened, Unopened> TrailerOpener::open(const KeyRing &ring, std::uint64_t key_id,
                                             ByteView sealed, ByteSpan out) {
  const FrameType told = codec_.frame_type(sealed);
  const FrameType other = told == FrameType::key ? FrameType::delta : FrameType::key;
  Reading readings[2];
  std::size_t count = 0;
  for (const FrameType type : {told, other}) {
    const std::size_t clear = clear_.length(type);
    if (sealed.size() >= clear + kTagSize + kIvSize && (type == told || clear_.try_both))
      readings[count++] = reading_of(sealed.first(clear), sealed, clear, out.data() + clear);
  }
  if (count == 0)
    return Unopened(Reason::malformed, key_id);
  const KeySlot *slot = ring.find(key_id);
  if (slot == nullptr)
    return Unopened(Reason::missing_key, key_id);
  const Result<KeySearch::Found> found = ciphers_.open(ring, *slot, {readings, count});
  if (!found)
    return Unopened(found.refusal(), key_id);
  const auto &[aad, ciphertext, tag, plain, iv] = readings[found->reading];
  if (out.data() != sealed.data())
    std::copy(aad.begin(), aad.end(), out.begin());
  return Opened{0, aad.size() + ciphertext.size(), found->key, slot};
}

Reading reading_of(ByteView aad, ByteView bytes, std::size_t at, std::uint8_t *out) {
  const ByteView iv = bytes.last(kIvSize);
  const ByteView ciphertext = bytes.subspan(at, bytes.size() - at - kIvSize - kTagSize);
  Reading reading;
  reading.aad = aad;
  reading.ciphertext = ciphertext;
  reading.tag = iv.data() - kTagSize;
  reading.out = out;
  std::memcpy(reading.iv.data(), iv.data(), kIvSize);
  return reading;
}

Result<OpenCiphers::Cipher> TrailerCiphers::cipher_for(const KeyRef &key, bool is_likely,
                                                       const Reading &reading) {
  if (Keyed *keyed = keyed_.find([&](const Keyed &made) { return made.key == key; }))
    return Cipher{keyed_.use(*keyed).aead.get(), reading.iv};
  if (fresh_.key != key) {
    fresh_ = {key, make_aead(key->secret.view(), Direction::open)};
    if (!fresh_.aead)
      return Reason::internal;
  }
  Aead *aead = fresh_.aead.get();
  if (is_likely)
    keyed_.add(std::exchange(fresh_, {}));
  return Cipher{aead, reading.iv};
}

bool TrailerCiphers::accept(const KeyRef &key, const Reading &reading) {
  if (fresh_.key == key)
    keyed_.add(std::exchange(fresh_, {}));
  return memory_.accepted->accept(*key, reading.iv);
}

void TrailerCiphers::retain(const KeyRing &ring) {
  keyed_.remove_if([&](const Keyed &keyed) { return !ring.holds(*keyed.key); });
}

}  // namespace e2ee
