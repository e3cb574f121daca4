/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ivsearch.h"

#include <algorithm>
#include <cstring>

#include "core/secret.h"

namespace e2ee {

namespace {

// One of 16 candidates will do for half of the key frames of VP8 and four in five delta frames.
constexpr unsigned kBatch = 16;
static_assert(kMaxIvTries % kBatch == 0);

constexpr std::size_t kBeginning = sizeof(Beginning::bits);

// The first AES block of each candidate's counter mode.
class FirstBlocks {
 public:
  FirstBlocks() = default;
  ~FirstBlocks() { cleanse(bytes_); }
  FirstBlocks(const FirstBlocks &) = delete;
  FirstBlocks &operator=(const FirstBlocks &) = delete;

  // Of the IVs from `first` on. They become keystream, which is used for nothing else.
  bool encrypt(Aead &aead, const Iv &first) {
    std::uint8_t *block = bytes_;
    for (unsigned i = 0; i < kBatch; ++i, block += kBlockSize) {
      Iv iv = first;
      IvSource::advance(iv, i);
      std::memcpy(block, iv.data(), kIvSize);
      store_be32(block + kIvSize, 2);  // GCM keeps 1 for the tag
    }
    return aead.encrypt_blocks(bytes_);
  }

  // The first bits of the ciphertext that candidate `i` makes of a plaintext with these.
  std::uint32_t cipher(unsigned i, std::uint32_t plain) const {
    return plain ^ load_be32(bytes_ + i * kBlockSize);
  }

 private:
  alignas(kBlockSize) std::uint8_t bytes_[kBatch * kBlockSize];
};

bool is_one_of(const Beginnings &beginnings, std::uint32_t cipher) {
  const auto &[a, b] = beginnings;
  return ((cipher & a.mask) == a.bits) | ((cipher & b.mask) == b.bits);
}

// By the beginning of the ciphertext, which one block of keystream tells.
std::optional<Iv> choose_by_beginning(Aead &aead, IvSource &ivs, const FrameToSeal &frame) {
  const Beginnings &beginnings = frame.codec.taken_beginnings(frame.type);
  const std::uint32_t plain = load_be32(frame.plain.data());
  FirstBlocks blocks;
  for (unsigned tries = 0; tries < kMaxIvTries; tries += kBatch) {
    Iv iv;
    if (!ivs.take(kBatch, iv) || !blocks.encrypt(aead, iv))
      return {};
    for (unsigned i = 0; i < kBatch; ++i) {
      if (is_one_of(beginnings, blocks.cipher(i, plain))) {
        IvSource::advance(iv, i);
        return iv;
      }
    }
  }
  return {};
}

// By sealing all that the payloader looks at. That is the tag too, where the frame is short.
std::optional<Iv> choose_by_sealing(Aead &aead, IvSource &ivs, const FrameToSeal &frame) {
  const ByteView plain = frame.plain.first(std::min(frame.plain.size(), kPayloaderSight));
  for (unsigned tries = 0; tries < kMaxIvTries; ++tries) {
    Iv iv;
    if (!ivs.take(1, iv))
      return {};
    std::uint8_t sealed[kPayloaderSight + kTagSize + kIvSize];
    std::uint8_t *tag = sealed + plain.size();
    if (!aead.seal(iv, frame.clear, plain, sealed, tag))
      return {};
    std::copy(iv.begin(), iv.end(), tag + kTagSize);
    if (frame.codec.payloader_takes(ByteView(sealed), frame.type))
      return iv;
  }
  return {};
}

}  // namespace

std::optional<Iv> choose_iv(Aead &aead, IvSource &ivs, const FrameToSeal &frame) {
  return frame.plain.size() < kBeginning ? choose_by_sealing(aead, ivs, frame)
                                         : choose_by_beginning(aead, ivs, frame);
}

}  // namespace e2ee
