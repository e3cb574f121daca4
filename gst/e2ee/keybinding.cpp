/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keybinding.h"

#include <algorithm>

#include "debug.h"
#include "providerstate.h"

namespace e2ee {

namespace {

// A hostile sender can name any key id. So many look-ups of a stream wait at once; more are asked
// for when the stream names them again.
constexpr unsigned kMaxPending = 16;
// When the look-ups that were answered a while ago are forgotten.
constexpr std::size_t kManyWanted = 256;
// Keys that a provider gave for such ids, for one that knows an answer to any.
constexpr std::size_t kMaxAsked = 1024;
constexpr std::chrono::seconds kAskAgain{1};
constexpr auto kPending = Clock::time_point::max();
// What takes longer is inside downstream already, and so was pushed before.
constexpr std::chrono::milliseconds kPushPatience{100};

// Of texts for the user, by what they are about.
constexpr std::size_t kMaxRefused = 64;

// What a provider's vfunc gives; null when it has no such key or failed.
template <typename Call>
MaterialPtr ask(Call call) {
  const ForeignCall inside;
  g_autoptr(GError) error = nullptr;
  MaterialPtr material(call(&error));
  if (error != nullptr)
    GST_CAT_INFO(debug_category(), "key look-up: %s", error->message);
  return material;
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
  const LookUp look_up{Urgency::awaited, started_.token()};
  state_->queue().post(Urgency::awaited, [self = shared_from_this(), ids, look_up] {
    if (const ProviderRef provider = self->state_->ref_provider()) {
      self->refresh_current(provider.get(), look_up);
      for (std::uint64_t id : ids)
        self->refresh(provider.get(), id, look_up);
    }
    std::lock_guard lock(self->mutex_);
    self->is_started_ = true;
  });
}

void KeyBinding::wait_started(std::chrono::milliseconds limit) {
  started_.wait(state_->queue(),
                [last = RealClock::now() + limit] { return RealClock::now() > last; });
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

void KeyBinding::tell(void (KeyUser::*what)()) {
  const ForeignCall call;  // a removal may wait for frames under this mutex
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    (user->*what)();
}

// However many there are, the wait for frames on their way out is one.
void KeyBinding::tell_removed() {
  const ForeignCall call;
  std::lock_guard lock(users_mutex_);
  for (KeyUser *user : users_)
    user->keys_withdrawn();
  const RealClock::time_point last = RealClock::now() + kPushPatience;
  for (KeyUser *user : users_)
    user->finish_withdrawal(last);
}

// ---- look-ups -----------------------------------------------------------------------------------

void KeyBinding::want(std::uint64_t key_id, const KeyUser &user) {
  const auto now = Clock::now();
  {
    std::lock_guard lock(mutex_);
    // The last number stands for all keys where keys are withdrawn: nobody can have it looked up.
    if (!is_started_ || key_id > scheme_.max_key_id || key_id == GST_E2EE_ALL_KEYS ||
        derivations_.count(key_id) != 0)
      return;
    auto at = wanted_.find(key_id);
    if (at != wanted_.end() && (at->second == kPending || now - at->second < kAskAgain))
      return;
    KeyUser::Asking &asking = *user.asking_;
    if (asking.pending >= kMaxPending || !asking.rate.take())
      return;
    if (wanted_.size() >= kManyWanted)
      std::erase_if(wanted_, [&](const auto &entry) {
        return entry.second != kPending && now - entry.second >= kAskAgain;
      });
    wanted_[key_id] = kPending;
    ++asking.pending;
  }
  // One turn for each participant, or for each element where none is named.
  const void *asker = owner_.empty() ? static_cast<const void *>(&user) : this;
  state_->asked().add(asker, [self = shared_from_this(), key_id, asking = user.asking_] {
    {
      std::lock_guard lock(self->mutex_);
      --asking->pending;
      self->wanted_[key_id] = Clock::now();
    }
    self->look_up_asked(key_id);
  });
}

void KeyBinding::look_up_asked(std::uint64_t key_id) {
  const ProviderRef provider = state_->ref_provider();
  if (!provider)
    return;
  const LookUp look_up{Urgency::asked,
                       when_done([self = shared_from_this()] { self->tell(&KeyUser::looked_up); })};
  if (refresh(provider.get(), key_id, look_up))
    note_asked(key_id);
  else
    note_missing(key_id);
}

// A signal a second for a participant. A hostile sender names many: the latest is told, and another
// one than the last time before the same again.
void KeyBinding::note_missing(std::uint64_t key_id) {
  Clock::time_point when;
  {
    std::lock_guard lock(mutex_);
    (key_id == told_missing_ ? missing_again_ : missing_) = key_id;
    if (std::exchange(tells_missing_, true))
      return;
    when = next_missing_;
  }
  state_->queue().post_at(when, Urgency::asked, [weak = weak_from_this()] {
    if (auto self = weak.lock())
      self->tell_missing();
  });
}

void KeyBinding::tell_missing() {
  const ProviderRef provider = state_->ref_provider();
  std::optional<std::uint64_t> key_id;
  {
    std::lock_guard lock(mutex_);
    const auto again = std::exchange(missing_again_, {});
    key_id = std::exchange(missing_, {});
    if (!key_id)
      key_id = again;
    tells_missing_ = false;
    told_missing_ = key_id;
    next_missing_ = Clock::now() + kAskAgain;
  }
  if (!provider || !key_id || ring()->find(*key_id) != nullptr)
    return;
  const ForeignCall call;
  g_signal_emit_by_name(provider.get(), "key-missing", name_or_null(owner_), *key_id);
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
      return (entry == entries_.end() && derivations_.count(id) == 0) ||
             (entry != entries_.end() && entry->second.key->usage->frames() == 0);
    });
    if (at == asked_.end())
      at = asked_.begin();
    leaves = *at;
    asked_.erase(at);
  }
  withdraw(*leaves);
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

// What cannot be used, or nothing, has taken the place of a key: that one is no longer valid. On
// the provider's queue: this is the latest answer.
void KeyBinding::drop_replaced(std::uint64_t key_id) {
  {
    std::lock_guard lock(mutex_);
    if (ring_->find(key_id) == nullptr && derivations_.count(key_id) == 0)
      return;
  }
  withdraw(key_id);
}

void KeyBinding::look_up_again(std::uint64_t key_id, const LookUp &look_up) {
  state_->queue().post(look_up.urgency, [self = shared_from_this(), key_id, look_up] {
    if (const ProviderRef provider = self->state_->ref_provider()) {
      self->refresh(provider.get(), key_id, look_up);
      self->refresh_current(provider.get(), look_up);
    }
  });
}

bool KeyBinding::refresh(GstE2EEKeyProvider *provider, std::uint64_t key_id,
                         const LookUp &look_up) {
  const unsigned began = removals();
  MaterialPtr material = ask([&](GError **error) {
    return gst_e2ee_key_provider_lookup(provider, name_or_null(owner_), key_id, error);
  });
  if (!material) {
    drop_replaced(key_id);
    return false;
  }
  if (material_of(material.get()).key_id != key_id) {
    GST_CAT_WARNING(debug_category(),
                    "asked for key %" G_GUINT64_FORMAT ", the provider gave another one", key_id);
    drop_replaced(key_id);
    return false;
  }
  state_->protect(owner_);
  return take(std::move(material), began, look_up);
}

void KeyBinding::refresh_current(GstE2EEKeyProvider *provider, const LookUp &look_up) {
  const unsigned began = removals();
  MaterialPtr material = ask([&](GError **error) {
    return gst_e2ee_key_provider_lookup_current(provider, name_or_null(owner_), error);
  });
  std::optional<std::uint64_t> id;
  if (material) {
    state_->protect(owner_);
    id = material_of(material.get()).key_id;
    if (!take(std::move(material), began, look_up))
      id.reset();
  }
  {
    std::unique_lock lock(mutex_);
    if (id && began != removals_) {
      lock.unlock();
      look_up_again(*id, look_up);
      return;
    }
    current_id_ = id;
    if (id && derivations_.count(*id) != 0)
      return;  // it becomes current when it is derived
    const auto entry = id ? entries_.find(*id) : entries_.end();
    if (!set_current(entry != entries_.end() ? entry->second.key : nullptr))
      return;
  }
  tell(&KeyUser::keys_changed);
}

void KeyBinding::withdraw(std::uint64_t key_id) {
  std::map<std::uint64_t, Derivation> stopped;  // whoever waits for them is told without the mutex
  {
    std::lock_guard lock(mutex_);
    if (key_id == GST_E2EE_ALL_KEYS) {
      stopped.swap(derivations_);
      wanted_.clear();
      asked_.clear();
      refused_.clear();
    } else if (auto derivation = derivations_.extract(key_id)) {
      stopped.insert(std::move(derivation));
    }
    if (key_id == GST_E2EE_ALL_KEYS || current_id_ == key_id) {
      current_id_.reset();
      set_current(nullptr);
    }
    if (!take_out(key_id))
      return;
  }
  tell_removed();
}

// Mutex held. False when there is no such key. What is being derived goes on.
bool KeyBinding::take_out(std::uint64_t key_id) {
  const bool all = key_id == GST_E2EE_ALL_KEYS;
  ++removals_;
  if (all)
    entries_.clear();
  else if (entries_.erase(key_id) == 0)
    return false;
  std::shared_ptr<KeyRing> ring = all ? std::make_shared<KeyRing>() : copy_of_ring();
  ring->erase(key_id);
  if (ring->current && ring->current->id == key_id)
    ring->current.reset();
  publish(std::move(ring));
  return true;
}

}  // namespace e2ee
