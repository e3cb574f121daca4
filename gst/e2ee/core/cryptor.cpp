/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/cryptor.h"

#include <algorithm>

namespace e2ee {

OpenStates::State &OpenStates::state_for(const KeyRef &key) {
  auto at = std::find_if(states_.begin(), states_.end(),
                         [&](const State &state) { return state.key == key; });
  if (at == states_.end()) {
    if (states_.size() >= kMax)
      states_.pop_back();
    states_.push_front({key, make_aead(key->secret.view(), Direction::open)});
  } else if (at != states_.begin()) {
    states_.splice(states_.begin(), states_, at);
  }
  return states_.front();
}

std::vector<const KeyRef *> LikelyKeys::others_of(std::span<const KeyRef> keys) const {
  std::vector<const KeyRef *> others;
  for (const KeyRef &key : keys) {
    if (std::find(view().begin(), view().end(), &key) == view().end())
      others.push_back(&key);
  }
  return others;
}

LikelyKeys OpenStates::likely(const KeySlot &slot) const {
  LikelyKeys keys;
  const std::vector<KeyRef> &all = slot.keys;
  const auto at = std::find(all.begin(), all.end(), last_);
  if (at == all.begin() || at == all.end()) {
    keys.add(all.front());
    if (all.size() > 1)
      keys.add(all[1]);
    return keys;
  }
  keys.add(*at);
  keys.add(*(at - 1));
  if (at - 1 != all.begin())
    keys.add(all.front());
  return keys;
}

void OpenStates::passed(const KeyRef &key) {
  searches_.succeeded();
  if (wary_ > 0)
    --wary_;
  if (last_ != key)
    last_ = key;
  key->usage->count();  // the limit holds for who seals: what came is read
}

void OpenStates::failed() {
  constexpr unsigned kWaryFor = 64;
  searches_.failed();
  wary_ = kWaryFor;
}

void OpenStates::retain(const KeyRing &ring) {
  if (last_ && !ring.holds(*last_))
    last_.reset();
  states_.remove_if([&](const State &state) { return !ring.holds(*state.key); });
  accepted_->retain(ring);
  sframe_.retain(ring);
}

void Sealer::retain(const KeyRing &ring) {
  if (state_ && !ring.holds(state_->key()))
    state_.reset();
}

Reason Sealer::seal(const KeyRef &key, const CodecRule &codec, FrameType type, ByteView frame,
                    ByteSpan out, std::size_t &written) {
  written = 0;
  if (frame.empty())
    return Reason::ok;
  const ClearRule *clear = scheme_.rule_for(codec.id);
  if (clear == nullptr)
    return Reason::unsupported;
  if (!key)
    return Reason::missing_key;
  if (!state_ || &state_->key() != key.get())
    state_ = std::make_unique<SealState>(scheme_, key, kids_, random_);
  if ((scheme_.trailer && state_->aead() == nullptr) ||
      out.size() < frame.size() + scheme_.overhead)
    return Reason::internal;
  if (key->usage->exhausted())
    return Reason::key_limit;
  const Reason reason = scheme_.seal(*state_, {scheme_, codec, *clear, type, frame}, out, written);
  if (reason == Reason::ok)
    key->usage->count();
  return reason;
}

Reason Opener::open(const KeyRing &ring, const CodecRule &codec, ByteView frame, ByteSpan out,
                    Opened &opened) {
  opened = {};
  if (frame.empty())
    return Reason::ok;
  const ClearRule *clear = scheme_.rule_for(codec.id);
  if (clear == nullptr)
    return Reason::unsupported;
  if (out.size() < frame.size())
    return Reason::internal;
  return scheme_.open(states_, ring, {scheme_, codec, *clear, frame}, out, opened);
}

}  // namespace e2ee
