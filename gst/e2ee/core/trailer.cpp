/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/trailer.h"

#include <algorithm>
#include <cstring>

namespace e2ee {

namespace {

// One ciphertext in four suits the payloader; 256 in a row that do not would mean that something is
// broken (0.75^256 = 1e-32).
constexpr unsigned kMaxIvTries = 256;
constexpr unsigned kIvBatch = 4;
constexpr unsigned kSightBlocks = (kPayloaderSight + kBlockSize - 1) / kBlockSize;

// Writes everything behind the clear bytes. `out` starts at the ciphertext.
bool seal_body(SealState &state, const SealRequest &request, std::size_t clear, const Iv &iv,
               std::uint8_t *out) {
  const ByteView plain = request.frame.subspan(clear);
  std::uint8_t *tag = out + plain.size();
  if (!state.aead()->seal(iv, request.frame.first(clear), plain, out, tag))
    return false;
  std::uint8_t *trailer = std::copy(iv.begin(), iv.end(), tag + kTagSize);
  trailer[0] = kIvSize;
  trailer[1] = static_cast<std::uint8_t>(state.key().id);
  return true;
}

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
        if (!seal_body(state, request, clear, iv, scratch))
          return Reason::internal;
        taken = request.codec.payloader_takes(ByteView(scratch), request.type);
      }
    }
  }
  return taken ? Reason::ok : Reason::internal;
}

Reason open_with(OpenStates &states, const KeyRef &key, const OpenRequest &request,
                 std::size_t clear, std::uint8_t *out) {
  Aead *aead = states.state_for(key).aead.get();
  if (aead == nullptr)
    return Reason::internal;
  const ByteView frame = request.frame;
  const std::size_t body = frame.size() - clear - kTrailerOverhead;
  const std::uint8_t *tag = frame.data() + clear + body;
  Iv iv;
  std::copy_n(tag + kTagSize, kIvSize, iv.begin());
  if (!aead->open(iv, frame.first(clear), frame.subspan(clear, body), out + clear, tag))
    return Reason::auth_failed;
  return states.accept(key, iv) ? Reason::ok : Reason::replayed;
}

}  // namespace

bool has_trailer(ByteView frame) {
  return frame.size() >= kTrailerOverhead && frame[frame.size() - 2] == kIvSize;
}

Reason trailer_seal(SealState &state, const SealRequest &request, ByteSpan out,
                    std::size_t &written) {
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
  if (!seal_body(state, request, clear, iv, out.data() + clear))
    return Reason::internal;
  if (out.data() != request.frame.data())
    std::memcpy(out.data(), request.frame.data(), clear);
  written = request.frame.size() + kTrailerOverhead;
  return Reason::ok;
}

// Tries keys one after the other. Between two of them a frame that is decrypted in place is turned
// back into ciphertext: counter mode undoes itself. `again` says that more keys may follow.
Reason open_with_any(OpenStates &states, std::span<const KeyRef> keys, const OpenRequest &request,
                     std::size_t clear, ByteSpan out, bool again, Opened &opened) {
  const bool in_place = out.data() == request.frame.data();
  const std::size_t body = request.frame.size() - clear - kTrailerOverhead;
  for (const KeyRef &key : keys) {
    const Reason reason = open_with(states, key, request, clear, out.data());
    if (reason == Reason::ok) {
      opened.key = key;
      opened.size = clear + body;
      if (!in_place)
        std::memcpy(out.data(), request.frame.data(), clear);
      return Reason::ok;
    }
    if (reason == Reason::auth_failed && in_place && (again || &key != &keys.back())) {
      open_with(states, key, request, clear, out.data());
      continue;
    }
    cleanse(out.subspan(clear, body));
    if (reason != Reason::auth_failed)
      return reason;
  }
  return Reason::auth_failed;
}

namespace {

// The lengths of clear bytes that a frame may have been cut at, the likely one first.
struct Readings {
  explicit Readings(const OpenRequest &request) {
    const FrameType told = request.codec.frame_type(request.frame);
    const FrameType other = told == FrameType::key ? FrameType::delta : FrameType::key;
    add(request, request.clear.length(told));
    if (request.clear.try_both)
      add(request, request.clear.length(other));
  }
  std::span<const std::size_t> lengths() const { return {clear, count}; }

  std::size_t clear[2] = {};
  std::size_t count = 0;

 private:
  void add(const OpenRequest &request, std::size_t length) {
    if (request.frame.size() >= length + kTrailerOverhead)
      clear[count++] = length;
  }
};

Reason open_any_way(OpenStates &states, std::span<const KeyRef> keys, const OpenRequest &request,
                    const Readings &readings, ByteSpan out, bool again, Opened &opened) {
  for (const std::size_t &clear : readings.lengths()) {
    const bool more = again || &clear != &readings.lengths().back();
    const Reason reason = open_with_any(states, keys, request, clear, out, more, opened);
    if (reason != Reason::auth_failed)
      return reason;
  }
  if (!again) {
    const std::size_t least = std::min(readings.clear[0], readings.clear[readings.count - 1]);
    cleanse(out.subspan(least, request.frame.size() - kTrailerOverhead - least));
  }
  return Reason::auth_failed;
}

}  // namespace

Reason trailer_open(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                    ByteSpan out, Opened &opened) {
  const ByteView frame = request.frame;
  if (!has_trailer(frame))
    return Reason::malformed;
  const Readings readings(request);
  if (readings.count == 0)
    return Reason::malformed;
  opened.key_id = frame.back();
  const KeySlot *slot = ring.find(opened.key_id);
  if (slot == nullptr || slot->keys.empty())
    return Reason::missing_key;
  opened.key = slot->keys.front();

  SearchBudget &searches = states.searches();
  const bool search = !slot->ahead.empty() && searches.allows(ring.failure_tolerance);
  Reason reason = open_any_way(states, slot->keys, request, readings, out, search, opened);
  if (reason == Reason::auth_failed && search) {
    searches.take();
    reason = open_any_way(states, slot->ahead, request, readings, out, false, opened);
  }
  if (reason == Reason::ok) {
    searches.succeeded();
    opened.key->usage->count();  // the limit holds for who seals: what came is read
  } else if (reason == Reason::auth_failed) {
    searches.failed();
  }
  return reason;
}

}  // namespace e2ee
