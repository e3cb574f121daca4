/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry.h"

#include <algorithm>

#include "debug.h"
#include "gste2eesharedkeyprovider.h"

namespace e2ee {

namespace {

// A hostile sender can name any key id: what is remembered of unknown ones is bounded.
constexpr std::size_t kMaxWanted = 256;
constexpr std::chrono::seconds kAskAgain{1};

const char *name_or_null(const std::string &owner) {
  return owner.empty() ? nullptr : owner.c_str();
}

void warn_once_about_memory() {
  static std::atomic<bool> told{false};
  if (memory_lock_failed() && !told.exchange(true))
    GST_CAT_WARNING(debug_category(),
                    "the system does not let this process lock memory: keys may be swapped to "
                    "disk; raise RLIMIT_MEMLOCK (ulimit -l) to avoid it");
}

}  // namespace

// ---- ProviderState ------------------------------------------------------------------------------

std::shared_ptr<ProviderState> ProviderState::of(GstE2EEKeyProvider *provider) {
  static const GQuark quark = g_quark_from_static_string("gst-e2ee-provider-state");
  static std::mutex mutex;
  using Holder = std::shared_ptr<ProviderState>;
  std::lock_guard lock(mutex);
  if (auto *held = static_cast<Holder *>(g_object_get_qdata(G_OBJECT(provider), quark)))
    return *held;
  auto *holder = new Holder(std::make_shared<ProviderState>(provider));
  g_object_set_qdata_full(G_OBJECT(provider), quark, holder, [](gpointer data) {
    auto *held = static_cast<Holder *>(data);
    (*held)->queue().close();
    delete held;
  });
  return *holder;
}

ProviderState::ProviderState(GstE2EEKeyProvider *provider)
    : shared_(GST_IS_E2EE_SHARED_KEY_PROVIDER(provider)) {
  g_weak_ref_init(&provider_, provider);
}

ProviderState::~ProviderState() {
  g_clear_error(&error_);
  g_weak_ref_clear(&provider_);
}

GstE2EEKeyProvider *ProviderState::ref_provider() {
  return static_cast<GstE2EEKeyProvider *>(g_weak_ref_get(&provider_));
}

std::string ProviderState::owner_of(const char *participant) const {
  return shared_ || participant == nullptr ? std::string() : std::string(participant);
}

std::shared_ptr<KeyBinding> ProviderState::bind(const Scheme &scheme, const char *participant) {
  const std::string owner = owner_of(participant);
  std::shared_ptr<KeyBinding> binding;
  std::set<std::uint64_t> ids;
  {
    std::lock_guard lock(mutex_);
    std::weak_ptr<KeyBinding> &slot = bindings_[{owner, &scheme}];
    if ((binding = slot.lock()))
      return binding;
    slot = binding = std::make_shared<KeyBinding>(shared_from_this(), scheme, owner);
    ids = announced_[owner];
  }
  binding->start(ids);
  return binding;
}

std::vector<std::shared_ptr<KeyBinding>> ProviderState::bindings_of(const std::string &owner) {
  std::vector<std::shared_ptr<KeyBinding>> found;
  for (auto it = bindings_.begin(); it != bindings_.end();) {
    std::shared_ptr<KeyBinding> binding = it->second.lock();
    if (binding && it->first.first == owner)
      found.push_back(binding);
    it = binding ? std::next(it) : bindings_.erase(it);
  }
  return found;
}

void ProviderState::changed(const char *participant, std::uint64_t key_id, bool wait) {
  const std::string owner = owner_of(participant);
  std::vector<std::shared_ptr<KeyBinding>> bindings;
  {
    std::lock_guard lock(mutex_);
    announced_[owner].insert(key_id);
    protected_.insert(owner);
    bindings = bindings_of(owner);
  }
  if (bindings.empty())
    return;
  auto task = [state = shared_from_this(), bindings, key_id] {
    GstE2EEKeyProvider *provider = state->ref_provider();
    if (provider == nullptr)
      return;
    for (const auto &binding : bindings) {
      binding->refresh(provider, key_id);
      binding->refresh_current(provider);
    }
    g_object_unref(provider);
  };
  if (wait)
    queue_->run(task);
  else
    queue_->post(task);
}

void ProviderState::removed(const char *participant, std::uint64_t key_id) {
  const std::string owner = owner_of(participant);
  std::vector<std::shared_ptr<KeyBinding>> bindings;
  {
    std::lock_guard lock(mutex_);
    if (key_id == GST_E2EE_ALL_KEYS)
      announced_.erase(owner);
    else
      announced_[owner].erase(key_id);
    bindings = bindings_of(owner);
  }
  for (const auto &binding : bindings)
    binding->withdraw(key_id);
}

std::string ProviderState::fingerprint(const char *participant, std::uint64_t key_id) {
  std::vector<std::shared_ptr<KeyBinding>> bindings;
  {
    std::lock_guard lock(mutex_);
    bindings = bindings_of(owner_of(participant));
  }
  for (const auto &binding : bindings) {
    const KeyRingRef ring = binding->ring();
    const KeySlot *slot = ring->find(key_id);
    if (slot != nullptr && !slot->keys.empty())
      return slot->keys.front()->fingerprint;
  }
  return {};
}

bool ProviderState::is_protected(const std::string &participant) {
  std::lock_guard lock(mutex_);
  return protected_.count(participant) != 0;
}

void ProviderState::protect(const std::string &participant) {
  std::lock_guard lock(mutex_);
  protected_.insert(participant);
}

void ProviderState::add_notice(std::string text) {
  std::lock_guard lock(mutex_);
  notices_.push_back(std::move(text));
}

std::vector<std::string> ProviderState::take_notices() {
  std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

// ---- KeyBinding ---------------------------------------------------------------------------------

KeyRingRef KeyBinding::ring() {
  std::lock_guard lock(mutex_);
  return ring_;
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

void KeyBinding::want(std::uint64_t key_id) {
  const auto now = std::chrono::steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    if (!is_started_ || key_id >= scheme_.max_keyring)
      return;
    auto at = wanted_.find(key_id);
    if (at != wanted_.end() && now - at->second < kAskAgain)
      return;
    if (at == wanted_.end() && wanted_.size() >= kMaxWanted)
      return;
    wanted_[key_id] = now;
  }
  state_->queue().post([self = shared_from_this(), key_id] {
    GstE2EEKeyProvider *provider = self->state_->ref_provider();
    if (provider == nullptr)
      return;
    self->refresh(provider, key_id);
    if (self->ring()->find(key_id) == nullptr)
      g_signal_emit_by_name(provider, "key-missing", name_or_null(self->owner_), key_id);
    g_object_unref(provider);
  });
}

void KeyBinding::attach(KeyUser *user) {
  std::lock_guard lock(users_mutex_);
  users_.push_back(user);
}

void KeyBinding::detach(KeyUser *user) {
  std::lock_guard lock(users_mutex_);
  users_.erase(std::remove(users_.begin(), users_.end(), user), users_.end());
}

std::shared_ptr<KeyRing> KeyBinding::copy_of_ring() {
  return std::make_shared<KeyRing>(*ring_);
}

void KeyBinding::publish(std::shared_ptr<KeyRing> ring) {
  ring_ = std::move(ring);
  version_.fetch_add(1, std::memory_order_release);
}

// The key of `material`, derived unless the same material was derived before, and put into the
// ring. Null when it cannot be derived, or when a removal came between look-up and here: then it is
// looked up again.
KeyRef KeyBinding::key_for(MaterialPtr material, unsigned epoch) {
  material_freeze(material.get());
  const Material &content = material_of(material.get());
  const std::uint64_t id = content.key_id;
  if (id >= scheme_.max_keyring) {
    GST_CAT_WARNING(debug_category(), "key id %" G_GUINT64_FORMAT " does not exist in scheme %s",
                    id, scheme_.name);
    return nullptr;
  }
  {
    std::lock_guard lock(mutex_);
    auto at = entries_.find(id);
    if (at != entries_.end() && same_material(material_of(at->second.material.get()), content))
      return at->second.key;
  }
  KeyRef key = derive_key(scheme_, content, owner_);
  warn_once_about_memory();
  if (!key) {
    GST_CAT_WARNING(debug_category(),
                    "key %" G_GUINT64_FORMAT
                    " cannot be derived for scheme %s: wrong key size, or "
                    "the secret is gone after a fork",
                    id, scheme_.name);
    return nullptr;
  }
  {
    std::lock_guard lock(mutex_);
    if (epoch != epoch_) {
      look_up_again(id);
      return nullptr;
    }
    entries_[id] = {std::move(material), key};
    std::shared_ptr<KeyRing> ring = copy_of_ring();
    ring->slot(id).keys = {key};
    if (ring->current && ring->current->id == id)
      ring->current = key;
    publish(std::move(ring));
    wanted_.erase(id);
  }
  tell_changed();
  GST_CAT_DEBUG(debug_category(),
                "key %" G_GUINT64_FORMAT " generation %" G_GUINT64_FORMAT " for %s: %s", id,
                key->generation, scheme_.name, key->fingerprint.c_str());
  return key;
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

unsigned KeyBinding::epoch() {
  std::lock_guard lock(mutex_);
  return epoch_;
}

void KeyBinding::refresh(GstE2EEKeyProvider *provider, std::uint64_t key_id) {
  const unsigned began = epoch();
  GError *error = nullptr;
  MaterialPtr material(
      gst_e2ee_key_provider_lookup(provider, name_or_null(owner_), key_id, &error));
  if (error != nullptr)
    GST_CAT_INFO(debug_category(), "no key %" G_GUINT64_FORMAT ": %s", key_id, error->message);
  g_clear_error(&error);
  if (material) {
    if (material_of(material.get()).key_id == key_id) {
      state_->protect(owner_);
      key_for(std::move(material), began);
    } else {
      GST_CAT_WARNING(debug_category(),
                      "asked for key %" G_GUINT64_FORMAT ", the provider gave another one", key_id);
    }
    return;
  }
  withdraw(key_id);
}

void KeyBinding::refresh_current(GstE2EEKeyProvider *provider) {
  const unsigned began = epoch();
  GError *error = nullptr;
  MaterialPtr material(
      gst_e2ee_key_provider_lookup_current(provider, name_or_null(owner_), &error));
  if (error != nullptr)
    GST_CAT_INFO(debug_category(), "no current key: %s", error->message);
  g_clear_error(&error);
  KeyRef key = material ? key_for(std::move(material), began) : nullptr;
  if (key)
    state_->protect(owner_);
  {
    std::lock_guard lock(mutex_);
    if (began != epoch_ || ring_->current == key)
      return;
    std::shared_ptr<KeyRing> ring = copy_of_ring();
    ring->current = std::move(key);
    publish(std::move(ring));
  }
  tell_changed();
}

void KeyBinding::tell_changed() {
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->keys_changed();
}

void KeyBinding::withdraw(std::uint64_t key_id) {
  const bool all = key_id == GST_E2EE_ALL_KEYS;
  {
    std::lock_guard lock(mutex_);
    ++epoch_;
    if (all)
      entries_.clear();
    else if (entries_.erase(key_id) == 0)
      return;
    std::shared_ptr<KeyRing> ring = all ? std::make_shared<KeyRing>() : copy_of_ring();
    ring->erase(key_id);
    if (ring->current && ring->current->id == key_id)
      ring->current.reset();
    publish(std::move(ring));
  }
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->keys_withdrawn();
}

}  // namespace e2ee
