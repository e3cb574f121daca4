/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/trailerbody.h"

#include <algorithm>

namespace e2ee {

namespace {

Reason open_with(OpenStates &states, const KeyRef &key, const SealedBody &body) {
  Aead *aead = states.state_for(key).aead.get();
  if (aead == nullptr)
    return Reason::internal;
  if (!aead->open(body.iv, body.aad, body.ciphertext, body.out, body.tag))
    return Reason::auth_failed;
  return states.accept(key, body.iv) ? Reason::ok : Reason::replayed;
}

// Tries keys one after the other. Between two of them a frame that is decrypted in place becomes
// ciphertext again. Counter mode undoes itself, so that frames need no copy as long as the first
// key is right; among bad ones a copy is cheaper. `again` says that more keys may follow.
Reason open_with_any(OpenStates &states, KeysToTry keys, const SealedBody &body, bool again,
                     Opened &opened) {
  const bool in_place = body.out == body.ciphertext.data();
  std::vector<std::uint8_t> &copy = states.ciphertext_copy();
  bool copied = in_place && states.searches().failures() > 0 && (again || keys.size() > 1);
  if (copied)
    copy.assign(body.ciphertext.begin(), body.ciphertext.end());
  for (const KeyRef *key : keys) {
    const Reason reason = open_with(states, *key, body);
    if (reason == Reason::ok) {
      opened.key = *key;
      return Reason::ok;
    }
    if (reason == Reason::auth_failed && in_place && (again || key != keys.back())) {
      if (copied) {
        std::copy(copy.begin(), copy.end(), body.out);
      } else {
        open_with(states, *key, body);
        copy.assign(body.ciphertext.begin(), body.ciphertext.end());
        copied = true;
      }
      continue;
    }
    cleanse({body.out, body.ciphertext.size()});
    if (reason != Reason::auth_failed)
      return reason;
  }
  return Reason::auth_failed;
}

Reason open_any_way(OpenStates &states, KeysToTry keys, std::span<const SealedBody> readings,
                    bool again, Opened &opened, std::size_t &which) {
  for (which = 0; which < readings.size(); ++which) {
    const bool more = again || which + 1 < readings.size();
    const Reason reason = open_with_any(states, keys, readings[which], more, opened);
    if (reason != Reason::auth_failed)
      return reason;
  }
  // One reading of a frame may leave what another began with.
  for (const SealedBody &body : readings) {
    if (!again)
      cleanse({body.out, body.ciphertext.size()});
  }
  return Reason::auth_failed;
}

}  // namespace

bool seal_body(SealState &state, const Iv &iv, ByteView aad, ByteView plain, std::uint8_t *out) {
  std::uint8_t *tag = out + plain.size();
  if (!state.aead()->seal(iv, aad, plain, out, tag))
    return false;
  std::uint8_t *trailer = std::copy(iv.begin(), iv.end(), tag + kTagSize);
  trailer[0] = kIvSize;
  trailer[1] = static_cast<std::uint8_t>(state.key().id);
  return true;
}

SealedBody body_of(ByteView aad, ByteView bytes, std::size_t at, std::uint8_t *out) {
  const ByteView iv = bytes.last(kIvSize);
  const ByteView ciphertext = bytes.subspan(at, bytes.size() - at - kIvSize - kTagSize);
  SealedBody body{aad, ciphertext, iv.data() - kTagSize, {}, out};
  std::copy(iv.begin(), iv.end(), body.iv.begin());
  return body;
}

Reason open_body(OpenStates &states, const KeyRing &ring, const KeySlot &slot,
                 std::span<const SealedBody> readings, Opened &opened, std::size_t &which) {
  opened.key = slot.keys.front();
  const LikelyKeys likely = states.likely(slot);
  const bool others = slot.keys.size() > likely.view().size() || !slot.ahead.empty();
  const bool search = others && states.searches().allows(ring.failure_tolerance);
  Reason reason = open_any_way(states, likely.view(), readings, search, opened, which);
  if (reason == Reason::auth_failed && search) {
    states.searches().take();
    std::vector<const KeyRef *> rest = likely.others_of(slot.keys);
    for (const KeyRef &key : slot.ahead)
      rest.push_back(&key);
    reason = open_any_way(states, rest, readings, false, opened, which);
  }
  if (reason == Reason::ok)
    states.passed(opened.key);
  else if (reason == Reason::auth_failed)
    states.failed();
  return reason;
}

Reason open_cut(OpenStates &states, const KeyRing &ring, const OpenRequest &request,
                ByteView sealed, ByteSpan out, Opened &opened) {
  const FrameType told = request.codec.frame_type(request.frame);
  const FrameType other = told == FrameType::key ? FrameType::delta : FrameType::key;
  SealedBody readings[2];
  std::size_t count = 0;
  for (const FrameType type : {told, other}) {
    const std::size_t clear = request.clear.length(type);
    if (sealed.size() >= clear + kTagSize + kIvSize && (type == told || request.clear.try_both))
      readings[count++] = body_of(sealed.first(clear), sealed, clear, out.data() + clear);
  }
  if (count == 0)
    return Reason::malformed;
  const KeySlot *slot = ring.find(opened.key_id);
  if (slot == nullptr || slot->keys.empty())
    return Reason::missing_key;
  std::size_t which;
  const Reason reason = open_body(states, ring, *slot, {readings, count}, opened, which);
  if (reason != Reason::ok)
    return reason;
  const SealedBody &read = readings[which];
  opened.size = read.aad.size() + read.ciphertext.size();
  if (out.data() != request.frame.data())
    std::copy(read.aad.begin(), read.aad.end(), out.begin());
  return Reason::ok;
}

}  // namespace e2ee
