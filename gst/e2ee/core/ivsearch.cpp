/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ivsearch.h"

#include <algorithm>
#include <cstring>

#include "core/secret.h"

namespace e2ee {

namespace {

constexpr unsigned kIvBatch = 4;
constexpr unsigned kSightBlocks = (kPayloaderSight + kBlockSize - 1) / kBlockSize;

// Whether the payloader will take the frame under an IV, for a plaintext long enough that all it
// looks at is ciphertext. `keystream` are the first AES blocks of this IV's counter mode.
bool taken_under(const FrameToSeal &frame, const std::uint8_t *keystream) {
  std::uint8_t sight[kPayloaderSight];
  for (std::size_t i = 0; i < kPayloaderSight; ++i)
    sight[i] = frame.plain[i] ^ keystream[i];
  return frame.codec.payloader_takes(ByteView(sight), frame.type);
}

// The same where the tag comes into sight: only the whole frame tells. None when the cipher failed.
std::optional<bool> taken_whole(Aead &aead, const FrameToSeal &frame, const Iv &iv) {
  std::uint8_t sealed[kPayloaderSight + kTagSize + kIvSize];
  std::uint8_t *tag = sealed + frame.plain.size();
  if (!aead.seal(iv, frame.clear, frame.plain, sealed, tag))
    return {};
  std::copy(iv.begin(), iv.end(), tag + kTagSize);
  return frame.codec.payloader_takes(ByteView(sealed), frame.type);
}

}  // namespace

std::optional<Iv> choose_iv(Aead &aead, IvSource &ivs, const FrameToSeal &frame) {
  const bool in_sight = frame.plain.size() >= kPayloaderSight;
  std::uint8_t blocks[kIvBatch * kSightBlocks * kBlockSize];
  struct Wipe {
    ByteSpan bytes;
    ~Wipe() { cleanse(bytes); }
  } wipe{blocks};  // keystream
  for (unsigned tries = 0; tries < kMaxIvTries; tries += kIvBatch) {
    Iv first;
    if (!ivs.take(kIvBatch, first))
      return {};
    if (in_sight) {
      std::uint8_t *block = blocks;
      for (unsigned i = 0; i < kIvBatch * kSightBlocks; ++i, block += kBlockSize) {
        Iv candidate = first;
        IvSource::advance(candidate, i / kSightBlocks);
        std::memcpy(block, candidate.data(), kIvSize);
        store_be32(block + kIvSize, 2 + i % kSightBlocks);  // GCM's first data block counts 2
      }
      if (!aead.encrypt_blocks(blocks))
        return {};
    }
    for (unsigned i = 0; i < kIvBatch; ++i) {
      Iv iv = first;
      IvSource::advance(iv, i);
      const std::optional<bool> taken =
          in_sight ? taken_under(frame, blocks + i * kSightBlocks * kBlockSize)
                   : taken_whole(aead, frame, iv);
      if (!taken)
        return {};
      if (*taken)
        return iv;
    }
  }
  return {};
}

}  // namespace e2ee
