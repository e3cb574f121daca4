/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The keys of a binding moving on: on their own, with their sender, and ahead of it.
#include <algorithm>

#include "debug.h"
#include "keybinding.h"
#include "providerstate.h"

namespace e2ee {

namespace {

// Audio and video do not step together: each generation still decrypts for this long after it was
// left.
constexpr std::chrono::seconds kGrace{10};
// Of one key id at a time, the present one included: a search may try each.
constexpr std::size_t kMaxGenerations = 8;

}  // namespace

// Makes `key`, one or more steps after `from`, the present key; false when `from` is no longer
// that.
bool KeyBinding::advance(const KeyRef &from, const KeyRef &key) {
  std::vector<KeyRef> left;
  bool too_many = false;
  {
    std::lock_guard lock(mutex_);
    auto entry = entries_.find(key->id);
    if (entry == entries_.end() || entry->second.key != from)
      return false;
    const KeyRef old = std::exchange(entry->second.key, key);
    left.push_back(old);
    std::shared_ptr<KeyRing> ring = copy_of_ring();
    KeySlot &slot = ring->slot(key->id);
    // Other streams of the sender may be at any generation that was passed.
    while (!slot.ahead.empty() && slot.ahead.front()->generation <= key->generation) {
      if (slot.ahead.front() != key) {
        left.push_back(slot.ahead.front());
        slot.keys.insert(slot.keys.begin(), slot.ahead.front());
      }
      slot.ahead.erase(slot.ahead.begin());
    }
    slot.keys.insert(slot.keys.begin(), key);
    too_many = slot.keys.size() > kMaxGenerations;
    if (too_many)
      slot.keys.resize(kMaxGenerations);
    if (ring->current == old)
      ring->current = key;
    publish(std::move(ring));
  }
  GST_CAT_DEBUG(debug_category(),
                "key %" G_GUINT64_FORMAT " is at generation %" G_GUINT64_FORMAT ": %s", key->id,
                key->generation, key->fingerprint.c_str());
  end_grace_later(left);
  if (too_many) {
    Workers::get().post(Urgency::set, [weak = weak_from_this()] {
      if (auto self = weak.lock())
        self->tell(&KeyUser::keys_withdrawn);
    });
  }
  look_ahead(key->id);
  return true;
}

// Of the generations that were left now: each step has a deadline of its own.
void KeyBinding::end_grace_later(const std::vector<KeyRef> &left) {
  // Weak: a key that is withdrawn meanwhile must not live on in a task.
  const std::vector<std::weak_ptr<const Key>> weak_left(left.begin(), left.end());
  const Clock::time_point when = Clock::now() + kGrace;
  state_->queue().post_at(when, Urgency::set, [weak = weak_from_this(), weak_left] {
    auto self = weak.lock();
    if (!self)
      return;
    bool expired = false;
    {
      std::lock_guard lock(self->mutex_);
      std::shared_ptr<KeyRing> ring = self->copy_of_ring();
      for (const std::weak_ptr<const Key> &weak_key : weak_left) {
        const KeyRef past = weak_key.lock();
        if (past && ring->holds(*past))
          expired |= std::erase(ring->slot(past->id).keys, past) != 0;
      }
      if (expired)
        self->publish(std::move(ring));
    }
    if (expired)
      self->tell(&KeyUser::keys_withdrawn);
  });
}

std::uint64_t KeyBinding::follow(const KeyRef &key) {
  KeyRef from;
  {
    std::lock_guard lock(mutex_);
    auto entry = entries_.find(key->id);
    const KeySlot *slot = ring_->find(key->id);
    if (entry == entries_.end() || slot == nullptr ||
        std::find(slot->ahead.begin(), slot->ahead.end(), key) == slot->ahead.end())
      return 0;  // replaced meanwhile, or another stream of the participant came first
    from = entry->second.key;
  }
  if (!advance(from, key))
    return 0;
  state_->queue().post(Urgency::set, [self = shared_from_this(), weak_key = std::weak_ptr(key)] {
    const KeyRef proven = weak_key.lock();
    const ProviderRef provider = self->state_->ref_provider();
    if (!proven || !provider)
      return;
    self->announce_ratchet(provider.get(), proven);
    const ForeignCall call;
    g_signal_emit_by_name(provider.get(), "key-ratcheted", name_or_null(self->owner()), proven->id,
                          proven->generation);
  });
  return key->generation - from->generation;
}

// Gives the provider the material of the new generation, so that it can forget the old one.
void KeyBinding::announce_ratchet(GstE2EEKeyProvider *provider, const KeyRef &key) {
  MaterialPtr material;
  {
    std::lock_guard lock(mutex_);
    auto entry = entries_.find(key->id);
    if (entry != entries_.end() && entry->second.key == key)
      material = material_of_key(material_of(entry->second.given.get()), *key, scheme_);
    // Shipped providers are known to forget the old generation; so do we.
    if (material && material_of(material.get()).lineage != 0)
      entry->second.given = material_ref(material.get());
  }
  GstE2EEKeyProviderInterface *iface = GST_E2EE_KEY_PROVIDER_GET_IFACE(provider);
  if (!material || iface->ratcheted == nullptr)
    return;
  const ForeignCall call;
  iface->ratcheted(provider, name_or_null(owner_), key->id, key->generation, material.get());
}

// The generation behind `from`, derived ahead perhaps.
KeyRef KeyBinding::next_of(const KeyRef &from, const Material &given) {
  {
    std::lock_guard lock(mutex_);
    const auto entry = entries_.find(from->id);
    const KeySlot *slot = ring_->find(from->id);
    if (entry != entries_.end() && entry->second.key == from && slot != nullptr &&
        !slot->ahead.empty())
      return slot->ahead.front();
  }
  return ratchet_key(scheme_, given, *from, owner_);
}

KeyRef KeyBinding::ratchet(GstE2EEKeyProvider *provider, std::uint64_t key_id) {
  KeyRef from;
  MaterialPtr given;
  {
    std::lock_guard lock(mutex_);
    auto entry = entries_.find(key_id);
    if (entry == entries_.end())
      return nullptr;
    from = entry->second.key;
    given = material_ref(entry->second.given.get());
  }
  const KeyRef next = next_of(from, material_of(given.get()));
  if (!next || !advance(from, next))
    return nullptr;
  announce_ratchet(provider, next);
  return next;
}

// Derives one generation more, when nothing more urgent is to do, until the window is full.
void KeyBinding::look_ahead(std::uint64_t key_id) {
  {
    std::lock_guard lock(mutex_);
    if (!looking_ahead_.insert(key_id).second)
      return;  // a worker does, and goes on with what there is now
  }
  Workers::get().post(Urgency::ahead, [weak = weak_from_this(), key_id] {
    if (auto self = weak.lock())
      self->derive_ahead(key_id);
  });
}

void KeyBinding::derive_ahead(std::uint64_t key_id) {
  KeyRef from;
  MaterialPtr given;
  {
    std::lock_guard lock(mutex_);
    looking_ahead_.erase(key_id);
    auto entry = entries_.find(key_id);
    const KeySlot *slot = ring_->find(key_id);
    if (entry == entries_.end() || slot == nullptr ||
        slot->ahead.size() >=
            std::min(material_of(entry->second.given.get()).ratchet_window, scheme_.max_window))
      return;
    from = slot->ahead.empty() ? entry->second.key : slot->ahead.back();
    given = material_ref(entry->second.given.get());
    looking_ahead_.insert(key_id);
  }
  const KeyRef next = ratchet_key(scheme_, material_of(given.get()), *from, owner_);
  {
    std::lock_guard lock(mutex_);
    looking_ahead_.erase(key_id);
    if (!next)
      return;
    const KeySlot *now = ring_->find(key_id);
    if (now == nullptr || now->keys.empty())
      return;
    const KeyRef &last = now->ahead.empty() ? now->keys.front() : now->ahead.back();
    if (last == from) {  // else it was replaced or moved on
      std::shared_ptr<KeyRing> ring = copy_of_ring();
      ring->slot(key_id).ahead.push_back(next);
      publish(std::move(ring));
    }
  }
  look_ahead(key_id);
}

}  // namespace e2ee
