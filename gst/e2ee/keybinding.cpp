/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keybinding.h"

#include <algorithm>

#include "debug.h"
#include "registry.h"

namespace e2ee {

namespace {

// A hostile sender can name any key id: what is remembered of unknown ones is bounded.
constexpr std::size_t kMaxWanted = 256;
// And so are the keys that a provider gave for such ids, for one that knows an answer to any.
constexpr std::size_t kMaxAsked = 1024;
constexpr std::chrono::seconds kAskAgain{1};
constexpr auto kPending = std::chrono::steady_clock::time_point::max();

// Of texts for the user, by what they are about.
constexpr std::size_t kMaxRefused = 64;

void warn_once_about_memory() {
  static std::atomic<bool> told{false};
  if (memory_lock_failed() && !told.exchange(true))
    GST_CAT_WARNING(debug_category(),
                    "the system does not let this process lock memory: keys may be swapped to "
                    "disk; raise RLIMIT_MEMLOCK (ulimit -l) to avoid it");
}

void log_and_clear(GError **error, const char *what) {
  if (*error != nullptr)
    GST_CAT_INFO(debug_category(), "%s: %s", what, (*error)->message);
  g_clear_error(error);
}

}  // namespace

// ---- snapshots ----------------------------------------------------------------------------------

KeyRingRef KeyBinding::ring() {
  std::lock_guard lock(mutex_);
  return ring_;
}

std::shared_ptr<KeyRing> KeyBinding::copy_of_ring() {
  return std::make_shared<KeyRing>(*ring_);
}

// Mutex held.
void KeyBinding::publish(std::shared_ptr<KeyRing> ring) {
  ring->failure_tolerance = state_->failure_tolerance();
  ring_ = std::move(ring);
  version_.fetch_add(1, std::memory_order_release);
}

void KeyBinding::start(const std::set<std::uint64_t> &ids) {
  state_->queue().post([self = shared_from_this(), ids] {
    if (GstE2EEKeyProvider *provider = self->state_->ref_provider()) {
      self->refresh_current(provider);
      for (std::uint64_t id : ids)
        self->refresh(provider, id);
      g_object_unref(provider);
    }
    std::lock_guard lock(self->mutex_);
    self->is_started_ = true;
    self->started_.notify_all();
  });
}

void KeyBinding::wait_started(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  started_.wait_for(lock, limit, [this] { return is_started_; });
}

// ---- users --------------------------------------------------------------------------------------

void KeyBinding::attach(KeyUser *user) {
  std::lock_guard lock(users_mutex_);
  users_.push_back(user);
}

void KeyBinding::detach(KeyUser *user) {
  std::lock_guard lock(users_mutex_);
  users_.erase(std::remove(users_.begin(), users_.end(), user), users_.end());
}

void KeyBinding::tell_changed() {
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->keys_changed();
}

void KeyBinding::tell_looked_up() {
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->looked_up();
}

void KeyBinding::tell_withdrawn(bool wait) {
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->keys_withdrawn(wait);
}

// ---- look-ups -----------------------------------------------------------------------------------

void KeyBinding::want(std::uint64_t key_id) {
  const auto now = std::chrono::steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    // The last number stands for all keys where keys are withdrawn: nobody can have it looked up.
    if (!is_started_ || key_id > scheme_.max_key_id || key_id == GST_E2EE_ALL_KEYS)
      return;
    auto at = wanted_.find(key_id);
    if (at != wanted_.end() && (at->second == kPending || now - at->second < kAskAgain))
      return;
    if (at == wanted_.end() && wanted_.size() >= kMaxWanted) {
      // Look-ups that were answered a while ago make room: nobody can shut others out for good.
      std::erase_if(wanted_, [&](const auto &entry) {
        return entry.second != kPending && now - entry.second >= kAskAgain;
      });
      if (wanted_.size() >= kMaxWanted)
        return;
    }
    wanted_[key_id] = kPending;
  }
  // Behind everything that the application asked for.
  state_->queue().post_when_idle([self = shared_from_this(), key_id] {
    GstE2EEKeyProvider *provider = self->state_->ref_provider();
    if (provider == nullptr)
      return;
    {
      std::lock_guard lock(self->mutex_);
      self->wanted_[key_id] = std::chrono::steady_clock::now();
    }
    self->refresh(provider, key_id);
    if (self->ring()->find(key_id) == nullptr)
      g_signal_emit_by_name(provider, "key-missing", self->owner_or_null(), key_id);
    else
      self->note_asked(key_id);
    self->tell_looked_up();
    g_object_unref(provider);
  });
}

// A frame named a key that the provider then had. Beyond so many, one goes under which nothing was
// ever encrypted or decrypted, or else the oldest.
void KeyBinding::note_asked(std::uint64_t key_id) {
  std::optional<std::uint64_t> leaves;
  {
    std::lock_guard lock(mutex_);
    if (std::find(asked_.begin(), asked_.end(), key_id) == asked_.end())
      asked_.push_back(key_id);
    if (asked_.size() <= kMaxAsked)
      return;
    auto at = std::find_if(asked_.begin(), asked_.end(), [&](std::uint64_t id) {
      const auto entry = entries_.find(id);
      return entry == entries_.end() || entry->second.key->usage->frames() == 0;
    });
    if (at == asked_.end())
      at = asked_.begin();
    leaves = *at;
    asked_.erase(at);
  }
  withdraw(*leaves);
}

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
KeyRef KeyBinding::walk_to(const Material &material, KeyRef key) {
  while (key->generation < material.generation + material.steps) {
    KeyRef next = ratchet_key(scheme_, material, *key, owner_);
    if (!next || !advance(key, next))
      break;
    key = std::move(next);
  }
  return key;
}

// The key of `material`, derived unless it is known, and put into the ring. Null when it cannot be
// derived, or when a removal came between look-up and here: then it is looked up again.
KeyRef KeyBinding::key_for(MaterialPtr material, unsigned began) {
  material_freeze(material.get());
  const Material &content = material_of(material.get());
  const std::uint64_t id = content.key_id;
  if (const std::string why = scheme_.why_refused(content); !why.empty()) {
    refuse(why);
    drop_replaced(id, began);
    return nullptr;
  }
  if (KeyRef known = known_key(content))
    return walk_to(content, known);
  KeyRef key = derive_key(scheme_, content, owner_);
  warn_once_about_memory();
  if (!key) {
    GST_CAT_WARNING(debug_category(),
                    "key %" G_GUINT64_FORMAT
                    " cannot be derived for scheme %s: wrong key size, or a secret that is gone "
                    "after a fork",
                    id, scheme_.name);
    drop_replaced(id, began);
    return nullptr;
  }
  {
    std::lock_guard lock(mutex_);
    if (began != removals_) {
      look_up_again(id);
      return nullptr;
    }
    entries_[id] = {std::move(material), key};
    std::shared_ptr<KeyRing> ring = copy_of_ring();
    KeySlot &slot = ring->slot(id);
    slot.keys = {key};
    slot.ahead.clear();
    if (ring->current && ring->current->id == id)
      ring->current = key;
    publish(std::move(ring));
    wanted_.erase(id);
  }
  GST_CAT_DEBUG(debug_category(),
                "key %" G_GUINT64_FORMAT " generation %" G_GUINT64_FORMAT " for %s: %s", id,
                key->generation, scheme_.name, key->fingerprint.c_str());
  tell_changed();
  tell_withdrawn(false);  // of the key that was there before
  look_ahead(id);
  return key;
}

// Tells the user, once for each key id and reason.
void KeyBinding::refuse(const std::string &why) {
  {
    std::lock_guard lock(mutex_);
    if (refused_.size() >= kMaxRefused || !refused_.insert(why).second)
      return;
  }
  state_->add_notice(why);
}

// What cannot be used has taken the place of a key all the same: that one is no longer valid.
void KeyBinding::drop_replaced(std::uint64_t key_id, unsigned began) {
  if (began == removals() && ring()->find(key_id) != nullptr)
    withdraw(key_id);
}

void KeyBinding::look_up_again(std::uint64_t key_id) {
  state_->queue().post([self = shared_from_this(), key_id] {
    if (GstE2EEKeyProvider *provider = self->state_->ref_provider()) {
      self->refresh(provider, key_id);
      self->refresh_current(provider);
      g_object_unref(provider);
    }
  });
}

void KeyBinding::refresh(GstE2EEKeyProvider *provider, std::uint64_t key_id) {
  const unsigned began = removals();
  GError *error = nullptr;
  MaterialPtr material(gst_e2ee_key_provider_lookup(provider, owner_or_null(), key_id, &error));
  log_and_clear(&error, "key look-up");
  if (!material) {
    if (ring()->find(key_id) != nullptr)
      withdraw(key_id);
  } else if (material_of(material.get()).key_id == key_id) {
    state_->protect(owner_);
    key_for(std::move(material), began);
  } else {
    GST_CAT_WARNING(debug_category(),
                    "asked for key %" G_GUINT64_FORMAT ", the provider gave another one", key_id);
  }
}

void KeyBinding::refresh_current(GstE2EEKeyProvider *provider) {
  const unsigned began = removals();
  GError *error = nullptr;
  MaterialPtr material(gst_e2ee_key_provider_lookup_current(provider, owner_or_null(), &error));
  log_and_clear(&error, "look-up of the current key");
  if (material)
    state_->protect(owner_);
  KeyRef key = material ? key_for(std::move(material), began) : nullptr;
  {
    std::lock_guard lock(mutex_);
    if (began != removals_) {
      if (key)
        look_up_again(key->id);
      return;
    }
    // A frame may have proved a later generation meanwhile.
    auto entry = key ? entries_.find(key->id) : entries_.end();
    if (entry != entries_.end())
      key = entry->second.key;
    if (ring_->current == key)
      return;
    std::shared_ptr<KeyRing> ring = copy_of_ring();
    ring->current = std::move(key);
    publish(std::move(ring));
  }
  tell_changed();
}

void KeyBinding::withdraw(std::uint64_t key_id) {
  const bool all = key_id == GST_E2EE_ALL_KEYS;
  {
    std::lock_guard lock(mutex_);
    ++removals_;
    if (all) {
      entries_.clear();
      wanted_.clear();
      asked_.clear();
      refused_.clear();
    } else if (entries_.erase(key_id) == 0) {
      return;
    }
    std::shared_ptr<KeyRing> ring = all ? std::make_shared<KeyRing>() : copy_of_ring();
    ring->erase(key_id);
    if (ring->current && ring->current->id == key_id)
      ring->current.reset();
    publish(std::move(ring));
  }
  tell_withdrawn(true);
}

}  // namespace e2ee
