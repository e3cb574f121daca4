/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <algorithm>
#include <cstring>

#include "core/trailerbody.h"

namespace e2ee {

namespace {

constexpr unsigned kIvBatch = 4;
constexpr unsigned kSightBlocks = (kPayloaderSight + kBlockSize - 1) / kBlockSize;

// Whether the payloader will take the frame under `iv`, for a plaintext long enough that all it
// looks at is ciphertext. `keystream` are the first AES blocks of this IV's counter mode.
bool taken_under(const SealRequest &request, std::size_t clear, const std::uint8_t *keystream) {
  std::uint8_t sight[kPayloaderSight];
  for (std::size_t i = 0; i < kPayloaderSight; ++i)
    sight[i] = request.frame[clear + i] ^ keystream[i];
  return request.codec.payloader_takes(ByteView(sight), request.type);
}

// Draws IVs until the payloader takes what they make of the frame. The keystreams that are thrown
// away are used for nothing, and all of their IVs are spent.
Reason choose_iv(SealState &state, const SealRequest &request, std::size_t clear, Iv &iv) {
  const bool in_sight = request.frame.size() - clear >= kPayloaderSight;
  std::uint8_t blocks[kIvBatch * kSightBlocks * kBlockSize];
  struct Wipe {
    ByteSpan bytes;
    ~Wipe() { cleanse(bytes); }
  } wipe{blocks};  // keystream
  std::uint8_t scratch[kPayloaderSight + kTrailerOverhead];
  bool taken = false;
  for (unsigned tries = 0; tries < kMaxIvTries && !taken; tries += kIvBatch) {
    Iv first;
    if (!state.iv().take(kIvBatch, first))
      return Reason::internal;
    if (in_sight) {
      std::uint8_t *block = blocks;
      for (unsigned i = 0; i < kIvBatch * kSightBlocks; ++i, block += kBlockSize) {
        Iv candidate = first;
        IvSource::advance(candidate, i / kSightBlocks);
        std::memcpy(block, candidate.data(), kIvSize);
        store_be32(block + kIvSize, 2 + i % kSightBlocks);  // GCM's first data block counts 2
      }
      if (!state.aead()->encrypt_blocks(blocks, blocks))
        return Reason::internal;
    }
    for (unsigned i = 0; i < kIvBatch && !taken; ++i) {
      iv = first;
      IvSource::advance(iv, i);
      if (in_sight) {
        taken = taken_under(request, clear, blocks + i * kSightBlocks * kBlockSize);
      } else {
        // The tag comes into sight: only the whole frame tells.
        if (!seal_body(state, iv, request.frame.first(clear), request.frame.subspan(clear),
                       scratch))
          return Reason::internal;
        taken = request.codec.payloader_takes(ByteView(scratch), request.type);
      }
    }
  }
  return taken ? Reason::ok : Reason::internal;
}

}  // namespace

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

Reason trailer_seal(SealState &state, const SealRequest &request, ByteSpan out,
                    std::size_t &written) {
  if (request.codec.nal != nullptr)
    return nal_seal(state, request, out, written);
  const std::size_t clear = request.clear.length(request.type);
  if (request.frame.size() < clear)
    return Reason::malformed;
  Iv iv;
  if (request.codec.payloader_takes != nullptr) {
    if (Reason reason = choose_iv(state, request, clear, iv); reason != Reason::ok)
      return reason;
  } else if (!state.iv().take(1, iv)) {
    return Reason::internal;
  }
  if (!seal_body(state, iv, request.frame.first(clear), request.frame.subspan(clear),
                 out.data() + clear))
    return Reason::internal;
  if (out.data() != request.frame.data())
    std::memcpy(out.data(), request.frame.data(), clear);
  written = request.frame.size() + kTrailerOverhead;
  return Reason::ok;
}

Reason trailer_open(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                    ByteSpan out, Opened &opened) {
  if (request.codec.nal != nullptr)
    return nal_open(states, ring, request, out, opened);
  const ByteView frame = request.frame;
  if (!has_trailer(frame))
    return Reason::malformed;
  opened.key_id = frame.back();
  return open_cut(states, ring, request, frame.first(frame.size() - 2), out, opened);
}

}  // namespace e2ee
