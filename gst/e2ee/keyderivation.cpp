/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Material to keys, on the workers.
#include "debug.h"
#include "keybinding.h"

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

// Mutex held. The key that was derived from this material before, or from what led to it. A look-up
// that gives an earlier generation than the one in use changes nothing: the later one has been
// proven.
KeyRef KeyBinding::known_key(const Material &material) const {
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

// Takes a key to the generation that a look-up asked for, unless it was set anew since.
void KeyBinding::walk(std::uint64_t key_id, std::uint64_t lineage, std::uint64_t generation) {
  for (;;) {
    KeyRef from;
    MaterialPtr given;
    {
      std::lock_guard lock(mutex_);
      const auto entry = entries_.find(key_id);
      if (entry == entries_.end() || entry->second.key->generation >= generation ||
          material_of(entry->second.given.get()).lineage != lineage)
        return;
      from = entry->second.key;
      given = material_ref(entry->second.given.get());
    }
    const KeyRef next = next_of(from, material_of(given.get()));
    if (!next || !advance(from, next))
      return;
  }
}

// Mutex held. The number of the derivation of `material`; nothing when it is on its way already.
std::optional<std::uint64_t> KeyBinding::begin_derivation(MaterialPtr material,
                                                          const LookUp &look_up) {
  const Material &content = material_of(material.get());
  Derivation &derivation = derivations_[content.key_id];
  const bool under_way =
      derivation.material && same_material(content, material_of(derivation.material.get()));
  derivation.done.push_back(look_up.done);
  if (under_way && look_up.urgency >= derivation.urgency && !look_up.derive_here)
    return std::nullopt;
  if (!under_way) {
    derivation.material = std::move(material);
    derivation.number = ++last_derivation_;
  }
  derivation.urgency = look_up.urgency;
  return derivation.number;
}

// Has the key of `material`, the latest answer for its key id, derived unless it is known or on its
// way. False when it cannot be used. When a removal came between look-up and here it is looked up
// again.
bool KeyBinding::take(MaterialPtr material, unsigned began, const LookUp &look_up) {
  material_freeze(material.get());
  const Material &content = material_of(material.get());
  const std::uint64_t id = content.key_id;
  if (const std::string why = scheme_.why_refused(content); !why.empty()) {
    refuse(why);
    drop_replaced(id);
    return false;
  }
  Task work;
  std::map<std::uint64_t, Derivation> outdone;  // whoever waits for it is told without the mutex
  {
    std::unique_lock lock(mutex_);
    if (began != removals_) {
      lock.unlock();
      look_up_again(id, look_up);
      return true;
    }
    if (const KeyRef known = known_key(content)) {
      if (auto other = derivations_.extract(id))
        outdone.insert(std::move(other));
      const std::uint64_t generation = content.generation + content.steps;
      if (known->generation < generation)
        work = [self = shared_from_this(), id, lineage = content.lineage, generation,
                done = look_up.done] { self->walk(id, lineage, generation); };
    } else if (const auto number = begin_derivation(std::move(material), look_up)) {
      work = [self = shared_from_this(), id, number = *number] { self->derive(id, number); };
    }
  }
  if (work && look_up.derive_here)
    work();
  else if (work)
    Workers::get().post(look_up.urgency, std::move(work));
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
      tell_removed();
    return;
  }
  GST_CAT_DEBUG(debug_category(),
                "key %" G_GUINT64_FORMAT " generation %" G_GUINT64_FORMAT " for %s: %s", key_id,
                key->generation, scheme_.name, key->fingerprint.c_str());
  tell(&KeyUser::keys_changed);
  tell(&KeyUser::keys_withdrawn);  // of the key that was there before
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
