/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "providerstate.h"

#include <algorithm>
#include <iterator>

#include "debug.h"

namespace e2ee {

namespace {
// Nanoseconds. Below, receivers could not derive as fast; above, clocks overflow.
constexpr std::uint64_t kShortestInterval = 10'000'000;
constexpr std::uint64_t kLongestInterval = std::uint64_t{366} * 24 * 3600 * 1'000'000'000;
}  // namespace

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
    (*held)->close();
    delete held;
  });
  return *holder;
}

ProviderState::ProviderState(GstE2EEKeyProvider *provider) {
  g_weak_ref_init(&provider_, provider);
}

ProviderState::~ProviderState() {
  g_clear_error(&error_);
  g_weak_ref_clear(&provider_);
}

// What waits in there holds this in turn.
void ProviderState::close() {
  asked_->close();
  queue_->close();
}

ProviderRef ProviderState::ref_provider() {
  return ProviderRef(static_cast<GstE2EEKeyProvider *>(g_weak_ref_get(&provider_)));
}

std::string ProviderState::owner_of(const char *participant) const {
  return traits_.one_ring || participant == nullptr ? std::string() : std::string(participant);
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
    if (const auto known = announced_.find(owner); known != announced_.end())
      ids = known->second;
  }
  binding->start(ids);
  return binding;
}

ProviderState::Bindings ProviderState::bindings_of(const std::string &owner) {
  Bindings found;
  for (auto it = bindings_.begin(); it != bindings_.end();) {
    std::shared_ptr<KeyBinding> binding = it->second.lock();
    if (binding && it->first.first == owner)
      found.push_back(binding);
    it = binding ? std::next(it) : bindings_.erase(it);
  }
  return found;
}

// Who has to look again.
ProviderState::Bindings ProviderState::announce(const std::string &owner, std::uint64_t key_id) {
  std::lock_guard lock(mutex_);
  announced_[owner].insert(key_id);
  protected_.insert(owner);
  return bindings_of(owner);
}

std::function<void(const Done &)> ProviderState::look_up_again(Bindings bindings,
                                                               std::uint64_t key_id) {
  return [state = shared_from_this(), bindings = std::move(bindings), key_id](const Done &done) {
    const ProviderRef provider = state->ref_provider();
    if (!provider)
      return;
    for (const auto &binding : bindings) {
      binding->refresh(provider.get(), key_id, {Urgency::set, done});
      binding->refresh_current(provider.get(), {Urgency::set, done});
    }
  };
}

void ProviderState::changed(const char *participant, std::uint64_t key_id, Done done) {
  Bindings bindings = announce(owner_of(participant), key_id);
  if (!bindings.empty())
    queue_->post(Urgency::set, [look_up = look_up_again(std::move(bindings), key_id),
                                done = std::move(done)] { look_up(done); });
}

void ProviderState::changed_now(const char *participant, std::uint64_t key_id) {
  Bindings bindings = announce(owner_of(participant), key_id);
  if (!bindings.empty())
    queue_->run(Urgency::set, look_up_again(std::move(bindings), key_id));
}

void ProviderState::removed(const char *participant, std::uint64_t key_id) {
  const std::string owner = owner_of(participant);
  Bindings bindings;
  {
    std::lock_guard lock(mutex_);
    if (const auto known = announced_.find(owner); known != announced_.end()) {
      known->second.erase(key_id);
      if (key_id == GST_E2EE_ALL_KEYS || known->second.empty())
        announced_.erase(known);
    }
    bindings = bindings_of(owner);
  }
  for (const auto &binding : bindings)
    binding->withdraw(key_id);
}

void ProviderState::ratchet(
    const char *participant, std::uint64_t key_id,
    std::function<void(GstE2EEKeyProvider *, std::optional<std::uint64_t>)> then) {
  Bindings bindings;
  {
    std::lock_guard lock(mutex_);
    bindings = bindings_of(owner_of(participant));
  }
  auto step = [state = shared_from_this(), bindings, key_id, then](const Done &) {
    const ProviderRef provider = state->ref_provider();
    if (!provider)
      return;
    // First all to the same generation: a step of one is told to the others by the provider.
    for (const auto &binding : bindings)
      binding->refresh(provider.get(), key_id, {.derive_here = true});
    std::optional<std::uint64_t> generation;
    for (const auto &binding : bindings) {
      if (const KeyRef key = binding->ratchet(provider.get(), key_id))
        generation = key->generation;
    }
    then(provider.get(), generation);
  };
  if (bindings.empty())
    step(nullptr);
  else
    queue_->run(Urgency::set, std::move(step));
}

bool ProviderState::has_several_schemes(const char *participant) {
  std::lock_guard lock(mutex_);
  const auto bindings = bindings_of(owner_of(participant));
  return std::any_of(bindings.begin(), bindings.end(), [&](const auto &binding) {
    return !binding->scheme().same_keys(bindings.front()->scheme());
  });
}

// In the provider's queue.
void ProviderState::ratchet_if_current(const std::shared_ptr<KeyBinding> &binding,
                                       const KeyRef &key) {
  const ProviderRef provider = ref_provider();
  if (!provider)
    return;
  if (key && binding->ring()->current != key)
    key->ratchet_asked = false;  // when it is current it may be due again
  else if (key && ratchet_due_)
    ratchet_due_(provider.get(), name_or_null(binding->owner()), key->id);
}

void ProviderState::ratchet_after_interval(std::weak_ptr<KeyBinding> weak) {
  const auto interval = std::chrono::nanoseconds(static_cast<std::int64_t>(
      std::clamp(ratchet_interval_.load(), kShortestInterval, kLongestInterval)));
  const auto when = Clock::now() + interval;
  queue_->post_at(when, Urgency::set, [state = shared_from_this(), weak] {
    auto binding = weak.lock();
    if (!binding)
      return;
    if (state->ratchet_interval() == 0 || state->ratchet_interval() == GST_CLOCK_TIME_NONE) {
      binding->ratchets_by_time = false;
      return;
    }
    // Not while nothing is sent: receivers look ahead a few steps only.
    const KeyRef current = binding->ring()->current;
    if (current && current->sealed != 0)
      state->ratchet_if_current(binding, current);
    state->ratchet_after_interval(weak);
  });
}

bool ProviderState::count_sealed(const KeyBinding &binding, const Key &key) const {
  const std::uint64_t frames = ratchet_frames_.load(std::memory_order_relaxed);
  const std::uint64_t interval = ratchet_interval_.load(std::memory_order_relaxed);
  const bool by_time = interval != 0 && interval != GST_CLOCK_TIME_NONE;
  if (frames == 0 && !by_time)
    return false;
  const std::uint64_t sealed = key.sealed.fetch_add(1, std::memory_order_relaxed) + 1;
  return (frames != 0 && sealed >= frames && !key.ratchet_asked) ||
         (by_time && !binding.ratchets_by_time);
}

void ProviderState::ratchet_due(const std::shared_ptr<KeyBinding> &binding, const KeyRef &key) {
  const std::uint64_t frames = ratchet_frames_;
  // One request for a key, however long the step takes.
  if (frames != 0 && key->sealed >= frames && !key->ratchet_asked.exchange(true))
    queue_->post(Urgency::set,
                 [state = shared_from_this(), binding, weak_key = std::weak_ptr(key)] {
                   state->ratchet_if_current(binding, weak_key.lock());
                 });
  const std::uint64_t interval = ratchet_interval_;
  if (interval != 0 && interval != GST_CLOCK_TIME_NONE && !binding->ratchets_by_time.exchange(true))
    ratchet_after_interval(binding);
}

void ProviderState::sync() {
  const Completion completion;
  queue_->post(Urgency::set, [state = shared_from_this(), done = completion.token()] {
    std::lock_guard lock(state->mutex_);
    for (const auto &[whose, weak] : state->bindings_)
      if (const std::shared_ptr<KeyBinding> binding = weak.lock())
        binding->note_derivations(done);
  });
  queue_->wait(completion);
}

std::string ProviderState::fingerprint(const char *participant, std::uint64_t key_id) {
  Bindings bindings;
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

void ProviderState::protect_as(ProviderState &other) {
  if (&other == this)
    return;
  std::scoped_lock lock(mutex_, other.mutex_);
  protected_.insert(other.protected_.begin(), other.protected_.end());
}

void ProviderState::add_notice(std::string text) {
  GST_CAT_WARNING(debug_category(), "%s", text.c_str());
  std::lock_guard lock(mutex_);
  if (std::find(notices_.begin(), notices_.end(), text) == notices_.end())
    notices_.push_back(std::move(text));
  has_notices_ = true;
}

void ProviderState::warn_of_fixed_kid() {
  // Of other kinds nothing is known: they may draw keys.
  if (from_text_ && traits_.answers_at_once && !told_of_fixed_kid_.exchange(true))
    add_notice(
        "key-provider: its key is the same after each start, where a KID that is not drawn counts "
        "from 0 again: a counter that is used twice lets others read and forge frames. Draw a new "
        "key for each session, or leave sframe-kid and sframe-ratchet-bits as they are by default");
}

std::vector<std::string> ProviderState::take_notices() {
  std::lock_guard lock(mutex_);
  has_notices_ = false;
  return std::exchange(notices_, {});
}

}  // namespace e2ee
