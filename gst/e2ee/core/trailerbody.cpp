/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/trailerbody.h"

#include <algorithm>
#include <array>

namespace e2ee {

namespace {

Reason open_with(OpenStates &states, const KeyRef &key, const SealedBody &body,
                 OnMismatch on_mismatch) {
  Aead *aead = states.state_for(key).aead.get();
  if (aead == nullptr)
    return Reason::internal;
  const Reason reason =
      aead->open(body.iv, body.aad, body.ciphertext, body.out, body.tag, on_mismatch);
  if (reason != Reason::ok)
    return reason;
  return states.accepted().accept(*key, body.iv) ? Reason::ok : Reason::replayed;
}

/// A key, and one of the ways to read the frame.
struct Try {
  const KeyRef *key;
  std::size_t reading;
};

// Tries one after the other. Between two of them a frame that is decrypted in place becomes
// ciphertext again. Counter mode undoes itself, so that frames need no copy as long as the first
// try is right; among bad ones a copy is cheaper. `again` says that more tries may follow.
Reason open_with_any(OpenStates &states, std::span<const Try> tries,
                     std::span<const SealedBody> readings, bool again, Opened &opened,
                     std::size_t &which) {
  std::vector<std::uint8_t> &copy = states.ciphertext_copy();
  const std::uint8_t *copied = nullptr;  // what is in the copy
  for (const Try &now : tries) {
    const SealedBody &body = readings[now.reading];
    const bool last = !again && &now == &tries.back();
    const bool in_place = body.out == body.ciphertext.data();
    const auto keep_copy = [&] {
      copy.assign(body.ciphertext.begin(), body.ciphertext.end());
      copied = body.out;
    };
    if (in_place && !last && copied != body.out && states.expects_failures())
      keep_copy();
    const bool restore = in_place && !last && copied != body.out;
    const Reason reason =
        open_with(states, *now.key, body, restore ? OnMismatch::restore : OnMismatch::wipe);
    if (reason == Reason::ok) {
      opened.key = *now.key;
      which = now.reading;
      return Reason::ok;
    }
    if (reason != Reason::auth_failed) {
      cleanse({body.out, body.ciphertext.size()});
      return reason;
    }
    if (!in_place || last)
      continue;
    if (copied == body.out)
      std::copy(copy.begin(), copy.end(), body.out);
    else
      keep_copy();
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
  // What is tried with any frame, and so bounds what a forged one costs; the rest is a search.
  constexpr std::size_t kMost = 5;
  opened.key = slot.keys.front();
  const LikelyKeys likely = states.likely(slot);
  std::array<Try, kMost> direct;
  std::size_t count = 0;
  std::vector<Try> left;
  for (std::size_t reading = 0; reading < readings.size(); ++reading) {
    for (const KeyRef *key : likely.view()) {
      if (count < kMost)
        direct[count++] = {key, reading};
      else
        left.push_back({key, reading});
    }
  }
  const bool others =
      !left.empty() || slot.keys.size() > likely.view().size() || !slot.ahead.empty();
  const bool search = others && states.searches().allows(ring.failure_tolerance);
  Reason reason =
      open_with_any(states, std::span(direct).first(count), readings, search, opened, which);
  if (reason == Reason::auth_failed && search) {
    states.searches().take();
    std::vector<const KeyRef *> rest = likely.others_of(slot.keys);
    for (const KeyRef &key : slot.ahead)
      rest.push_back(&key);
    for (std::size_t reading = 0; reading < readings.size(); ++reading) {
      for (const KeyRef *key : rest)
        left.push_back({key, reading});
    }
    reason = open_with_any(states, left, readings, false, opened, which);
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
