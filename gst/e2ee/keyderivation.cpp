/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Material to keys, on the workers.
#include "debug.h"
#include "keybinding.h"
#include "providerstate.h"

namespace e2ee {

namespace {

void warn_once_about_memory() {
  static std::atomic<bool> told{false};
  if (memory_lock_failed() && !told.exchange(true))
    GST_CAT_WARNING(debug_category(),
                    "the system does not let this process lock memory: keys may be swapped to "
                    "disk; raise RLIMIT_MEMLOCK (ulimit -l) to avoid it");
}

}  // namespace

// The key that was derived from this material before, or from what led to it. A look-up that gives
// an earlier generation than the one in use changes nothing: the later one has been proven.
KeyRef KeyBinding::known_key(const Material &material) {
  std::lock_guard lock(mutex_);
  auto at = entries_.find(material.key_id);
  if (at == entries_.end())
    return nullptr;
  const Material &given = material_of(at->second.given.get());
  const bool same_setting = material.lineage != 0 && material.lineage == given.lineage;
  const bool handed_back = material.lineage == 0 &&
                           material.generation == at->second.key->generation &&
                           equal_secret(material.bytes.view(), at->second.key->own.view());
  return same_setting || handed_back || same_material(material, given) ? at->second.key : nullptr;
}

// The generation that `material` asks for, from an earlier one that is already derived.
void KeyBinding::walk_to(const Material &material, KeyRef key) {
  while (key->generation < material.generation + material.steps) {
    KeyRef next = ratchet_key(scheme_, material, *key, owner_);
    if (!next || !advance(key, next))
      break;
    key = std::move(next);
  }
}

// Has the key of `material` derived, unless it is known or on its way. False when it cannot be
// used. When a removal came between look-up and here it is looked up again.
bool KeyBinding::take(MaterialPtr material, unsigned began, const LookUp &look_up) {
  material_freeze(material.get());
  const Material &content = material_of(material.get());
  const std::uint64_t id = content.key_id;
  if (const std::string why = scheme_.why_refused(content); !why.empty()) {
    refuse(why);
    drop_replaced(id, began);
    return false;
  }
  if (const KeyRef known = known_key(content)) {
    if (known->generation >= content.generation + content.steps)
      return true;
    Task walk = [self = shared_from_this(), known, done = look_up.done,
                 held = std::shared_ptr<GstE2EEKeyMaterial>(std::move(material))] {
      self->walk_to(material_of(held.get()), known);
    };
    if (look_up.derive_here)
      walk();
    else
      Workers::get().post(look_up.urgency, std::move(walk));
    return true;
  }
  std::uint64_t number;
  {
    std::unique_lock lock(mutex_);
    if (began != removals_) {
      lock.unlock();
      look_up_again(id, look_up);
      return true;
    }
    Derivation &derivation = derivations_[id];
    const bool under_way =
        derivation.material && same_material(content, material_of(derivation.material.get()));
    derivation.done.push_back(look_up.done);
    if (under_way && look_up.urgency >= derivation.urgency && !look_up.derive_here)
      return true;
    if (!under_way) {
      derivation.material = std::move(material);
      derivation.number = ++last_derivation_;
    }
    derivation.urgency = look_up.urgency;
    number = derivation.number;
  }
  if (look_up.derive_here)
    derive(id, number);
  else
    Workers::get().post(look_up.urgency,
                        [self = shared_from_this(), id, number] { self->derive(id, number); });
  return true;
}

// Twice for the same, when it became more urgent: then the second finds nothing to do, or does what
// another worker does just now.
void KeyBinding::derive(std::uint64_t key_id, std::uint64_t number) {
  MaterialPtr material;
  {
    std::lock_guard lock(mutex_);
    const auto at = derivations_.find(key_id);
    if (at == derivations_.end() || at->second.number != number)
      return;
    material = material_ref(at->second.material.get());
  }
  KeyRef key = derive_key(scheme_, material_of(material.get()), owner_);
  warn_once_about_memory();
  if (!key)
    GST_CAT_WARNING(debug_category(),
                    "key %" G_GUINT64_FORMAT
                    " cannot be derived for scheme %s: wrong key size, or a secret that is gone "
                    "after a fork",
                    key_id, scheme_.name);
  std::vector<Done> done;  // goes last
  bool is_replaced = false;
  if (!install(std::move(material), key, number, done, is_replaced))
    return;
  if (!key) {
    if (is_replaced)
      tell_withdrawn(true);
    return;
  }
  GST_CAT_DEBUG(debug_category(),
                "key %" G_GUINT64_FORMAT " generation %" G_GUINT64_FORMAT " for %s: %s", key_id,
                key->generation, scheme_.name, key->fingerprint.c_str());
  tell_changed();
  tell_withdrawn(false);  // of the key that was there before
  look_ahead(key_id);
}

// False when another look-up or a removal came meanwhile. Without a key the one that was there
// before is no longer valid either: `is_replaced` when there was one.
bool KeyBinding::install(MaterialPtr material, const KeyRef &key, std::uint64_t number,
                         std::vector<Done> &done, bool &is_replaced) {
  const std::uint64_t id = material_of(material.get()).key_id;
  std::lock_guard lock(mutex_);
  const auto at = derivations_.find(id);
  if (at == derivations_.end() || at->second.number != number)
    return false;
  done = std::move(at->second.done);
  derivations_.erase(at);
  if (!key) {
    is_replaced = take_out(id);
    if (current_id_ == id)
      set_current(nullptr);
    return true;
  }
  entries_[id] = {std::move(material), key};
  std::shared_ptr<KeyRing> ring = copy_of_ring();
  KeySlot &slot = ring->slot(id);
  slot.keys = {key};
  slot.ahead.clear();
  if (current_id_ == id)
    ring->current = key;
  publish(std::move(ring));
  wanted_.erase(id);
  return true;
}

// Mutex held. False when it is that already.
bool KeyBinding::set_current(KeyRef key) {
  if (ring_->current == key)
    return false;
  std::shared_ptr<KeyRing> ring = copy_of_ring();
  ring->current = std::move(key);
  publish(std::move(ring));
  return true;
}

void KeyBinding::note_derivations(const Done &done) {
  std::lock_guard lock(mutex_);
  for (auto &[id, derivation] : derivations_)
    derivation.done.push_back(done);
}

}  // namespace e2ee
