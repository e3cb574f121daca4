/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/keysearch.h"

#include <algorithm>
#include <array>

namespace e2ee {

/// Keys to try with any frame, likeliest first, and those that are tried in a search.
struct KeySearch::Candidates {
  void add(const KeyRef &key) { first[count++] = &key; }

  std::array<const KeyRef *, 3> first{};
  std::size_t count = 0;
  const KeyRef *twin = nullptr;  // of a step: the generation to come that has the same
  bool any_step = false;

  bool has_others_in(const KeySlot &slot) const {
    return any_step ? slot.keys.size() > count || !slot.ahead.empty() : twin != nullptr;
  }
  std::vector<const KeyRef *> others_in(const KeySlot &slot) const;
};

std::vector<const KeyRef *> KeySearch::Candidates::others_in(const KeySlot &slot) const {
  std::vector<const KeyRef *> others;
  if (!any_step)
    return {twin};
  for (const std::vector<KeyRef> *keys : {&slot.keys, &slot.ahead}) {
    for (const KeyRef &key : *keys) {
      if (std::find(first.begin(), first.begin() + count, &key) == first.begin() + count)
        others.push_back(&key);
    }
  }
  return others;
}

struct KeySearch::Try {
  const KeyRef *key;
  std::size_t reading;
};

namespace {

const KeyRef *named(const std::vector<KeyRef> &keys, const Step &step) {
  const auto at = std::find_if(keys.begin(), keys.end(),
                               [&step](const KeyRef &key) { return step.is_of(*key); });
  return at != keys.end() ? &*at : nullptr;
}

}  // namespace

// A step may name a generation that was and one to come. Where frames name none: the present
// generation and the one before; when the frames here are late, the one where they are and its next
// instead.
KeySearch::Candidates KeySearch::candidates(const KeySlot &slot, const Step *step) const {
  Candidates found;
  const std::vector<KeyRef> &keys = slot.keys;
  if (keys.empty())
    return found;
  if (step) {
    const KeyRef *here = named(keys, *step);
    const KeyRef *ahead = named(slot.ahead, *step);
    if (here != nullptr || ahead != nullptr)
      found.add(here != nullptr ? *here : *ahead);
    found.twin = here != nullptr ? ahead : nullptr;
    return found;
  }
  found.any_step = true;
  const auto at = std::find(keys.begin(), keys.end(), last_);
  if (at == keys.begin() || at == keys.end()) {
    found.add(keys.front());
    if (keys.size() > 1)
      found.add(keys[1]);
    return found;
  }
  found.add(*at);
  found.add(*(at - 1));
  if (at - 1 != keys.begin())
    found.add(keys.front());
  return found;
}

// Between two tries a frame that is decrypted in place becomes ciphertext again. Counter mode
// undoes itself, so that frames need no copy as long as the first try is right; among bad ones a
// copy is cheaper. `more_follow`: another list of tries does.
template <typename TryAt>
Result<KeySearch::Found> KeySearch::try_each(std::size_t count, TryAt try_at,
                                             std::span<const Reading> readings, bool is_search,
                                             bool more_follow, OpenCiphers &ciphers) {
  const std::uint8_t *copied = nullptr;  // what is in the copy
  Reason reason = Reason::auth_failed;
  for (std::size_t i = 0; i < count; ++i) {
    const Try now = try_at(i);
    const Reading &reading = readings[now.reading];
    const Result<OpenCiphers::Cipher> cipher = ciphers.cipher_for(*now.key, !is_search, reading);
    if (!cipher) {
      reason = cipher.refusal();
      if (reason == Reason::auth_failed)
        continue;
      break;
    }
    const bool is_last = !more_follow && i + 1 == count;
    const bool restores = !is_last && reading.out == reading.ciphertext.data();
    const auto keep_copy = [&] {
      copy_.assign(reading.ciphertext.begin(), reading.ciphertext.end());
      copied = reading.out;
    };
    if (restores && copied != reading.out && wary_ > 0)
      keep_copy();
    const bool has_copy = copied == reading.out;
    reason =
        cipher->aead->open(cipher->iv, reading.aad, reading.ciphertext, reading.out, reading.tag,
                           restores && !has_copy ? OnMismatch::restore : OnMismatch::wipe);
    if (reason == Reason::ok) {
      if (ciphers.accept(*now.key, reading))
        return Found{now.key, now.reading};
      reason = Reason::replayed;
    }
    if (reason != Reason::auth_failed)
      break;
    if (!restores)
      continue;
    if (has_copy)
      std::copy(copy_.begin(), copy_.end(), reading.out);
    else
      keep_copy();
  }
  // Opening wipes what does not verify. That leaves what did, and what another reading began with.
  if (reason == Reason::replayed || (readings.size() > 1 && !more_follow)) {
    for (const Reading &reading : readings)
      cleanse({reading.out, reading.ciphertext.size()});
  }
  return reason;
}

Result<KeySearch::Found> KeySearch::open(const KeyRing &ring, const KeySlot &slot, const Step *step,
                                         std::span<const Reading> readings, OpenCiphers &ciphers) {
  constexpr std::size_t kMostDirect = 5;
  const Candidates keys = candidates(slot, step);
  if (keys.count == 0)
    return Reason::missing_key;
  const std::size_t likely = readings.size() * keys.count;
  const auto likely_try = [&](std::size_t i) {
    return Try{keys.first[i % keys.count], i / keys.count};
  };
  const std::size_t count = std::min(likely, kMostDirect);
  const bool searches =
      (likely > count || keys.has_others_in(slot)) && budget_.allows(ring.failure_tolerance);
  Result<Found> found = try_each(count, likely_try, readings, false, searches, ciphers);
  if (!found && found.refusal() == Reason::auth_failed && searches) {
    budget_.take(ring.failure_tolerance);
    std::vector<Try> rest;
    for (std::size_t i = count; i < likely; ++i)
      rest.push_back(likely_try(i));
    const std::vector<const KeyRef *> others = keys.others_in(slot);
    for (std::size_t reading = 0; reading < readings.size(); ++reading) {
      for (const KeyRef *key : others)
        rest.push_back({key, reading});
    }
    found = try_each(
        rest.size(), [&rest](std::size_t i) { return rest[i]; }, readings, true, false, ciphers);
  }
  if (found)
    passed(*found->key);
  else if (found.refusal() == Reason::auth_failed)
    failed();
  return found;
}

void KeySearch::passed(const KeyRef &key) {
  budget_.succeeded();
  if (wary_ > 0)
    --wary_;
  if (last_ != key)
    last_ = key;
  key->usage->count();  // the limit holds for who seals: what came is read
}

void KeySearch::failed() {
  constexpr unsigned kWaryFor = 64;
  budget_.failed();
  wary_ = kWaryFor;
}

void KeySearch::retain(const KeyRing &ring) {
  if (last_ && !ring.holds(*last_))
    last_.reset();
}

}  // namespace e2ee
