/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ringprovider.h"

#include "errors.h"
#include "providerstate.h"

namespace e2ee {

namespace {

ProviderState &state_of(GstE2EEKeyProvider *provider) {
  return *ProviderState::of(provider);
}

std::string owner_of(const char *participant) {
  return participant ? participant : "";
}

KeyStore::Options initial_options(const RingKind &kind) {
  KeyStore::Options options;
  options.defaults.key_bits = 128;
  options.defaults.ratchet_window = kind.default_window;
  return options;
}

}  // namespace

// ---- keys ---------------------------------------------------------------------------------------

RingProvider::RingProvider(GstE2EEKeyProvider *provider, const RingKind &kind)
    : provider_(provider), shared_(kind.shared), store_(initial_options(kind)) {
  ProviderState &state = state_of(provider);
  state.set_traits({.one_ring = shared_, .needs_participant = !shared_, .answers_at_once = true});
  if (shared_)
    return;
  state.set_ratchet_due([](GstE2EEKeyProvider *due, const char *participant, std::uint64_t id) {
    // Fails only when the key went away meanwhile, and then there is nothing to ratchet.
    ring_of(due).ratchet(participant, id, nullptr);
  });
}

bool RingProvider::check_owner(const char *participant, GError **error) const {
  if (shared_ || (participant != nullptr && *participant != '\0'))
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
              "a participant needs an identity that is not empty");
}

// Announces and waits until running elements use it: whoever set a key expects the next frame to
// have it.
void RingProvider::announce(const char *participant, guint64 id) {
  state_of(provider_).changed_now(participant, id);
  const ForeignCall call;
  g_signal_emit_by_name(provider_, "key-changed", participant, id);
}

void RingProvider::announce_later(const char *participant, guint64 id, const Done &done) {
  auto tell = [state = ProviderState::of(provider_), owner = owner_of(participant), id, done] {
    if (const ProviderRef provider = state->ref_provider()) {
      const ForeignCall call;
      g_signal_emit_by_name(provider.get(), "key-changed", name_or_null(owner), id);
    }
  };
  state_of(provider_).changed(participant, id, when_done(std::move(tell)));
}

std::shared_ptr<GstE2EEKeyProvider> RingProvider::ref() const {
  GstE2EEKeyProvider *provider = provider_;
  g_object_ref(provider);
  return {provider, ProviderUnref()};
}

void RingProvider::wait(const Completion &completion) {
  WorkQueue &queue = state_of(provider_).queue();
  if (!queue.is_inside())
    queue.wait(completion);
}

bool RingProvider::put(const char *participant, const MaterialPtr &material, GError **error) {
  if (!material || !check_owner(participant, error))
    return false;
  material_freeze(material.get());
  return store_.set(owner_of(participant), material.get(), error);
}

bool RingProvider::set(const char *participant, MaterialPtr material, GError **error) {
  if (!put(participant, material, error))
    return false;
  announce(participant, material_of(material.get()).key_id);
  return true;
}

bool RingProvider::set_later(const char *participant, MaterialPtr material, const Done &done,
                             GError **error) {
  if (!put(participant, material, error))
    return false;
  announce_later(participant, material_of(material.get()).key_id, done);
  return true;
}

bool RingProvider::set_current(const char *participant, guint64 id, GError **error) {
  if (!check_owner(participant, error) || !store_.set_current(owner_of(participant), id, error))
    return false;
  announce(participant, id);
  return true;
}

bool RingProvider::set_current_later(const char *participant, guint64 id, const Done &done,
                                     GError **error) {
  if (!check_owner(participant, error) || !store_.set_current(owner_of(participant), id, error))
    return false;
  announce_later(participant, id, done);
  return true;
}

bool RingProvider::ratchet(const char *participant, guint64 id, GError **error) {
  const std::string owner = owner_of(participant);
  if (!check_owner(participant, error) || !store_.check_key(owner, id, error))
    return false;
  state_of(provider_).ratchet(
      participant, id,
      [owner, id](GstE2EEKeyProvider *provider, std::optional<std::uint64_t> generation) {
        if (!generation)  // nobody has it derived: it is enough to remember the step
          generation = ring_of(provider).store_.step(owner, id);
        const ForeignCall call;
        g_signal_emit_by_name(provider, "key-ratcheted", name_or_null(owner), id, *generation);
      });
  return true;
}

bool RingProvider::remove(const char *participant, guint64 id, GError **error) {
  if (!check_owner(participant, error) || !store_.remove(owner_of(participant), id, error))
    return false;
  withdraw(participant, id);
  return true;
}

bool RingProvider::remove_all(const char *participant, GError **error) {
  if (!check_owner(participant, error) || !store_.remove_owner(owner_of(participant), error))
    return false;
  withdraw(participant, GST_E2EE_ALL_KEYS);
  return true;
}

// Of a key that the store has no longer, unless another thread has set it again meanwhile.
void RingProvider::withdraw(const char *participant, guint64 id) {
  gst_e2ee_key_provider_removed(provider_, participant, id);
  const std::string owner = owner_of(participant);
  const MaterialPtr now =
      id == GST_E2EE_ALL_KEYS ? store_.lookup_current(owner) : store_.lookup(owner, id);
  if (now)
    state_of(provider_).changed(participant, material_of(now.get()).key_id);
}

void RingProvider::remove_these(const char *participant, const std::set<std::uint64_t> &ids) {
  const KeyStore::Removed removed = store_.remove_these(owner_of(participant), ids);
  if (removed.owner) {
    withdraw(participant, GST_E2EE_ALL_KEYS);
    return;
  }
  for (std::uint64_t id : removed.ids)
    withdraw(participant, id);
}

GstE2EEKeyMaterial *RingProvider::export_material(const char *participant, guint64 id,
                                                  GError **error) const {
  if (!check_owner(participant, error))
    return nullptr;
  return store_.export_material(owner_of(participant), id, error).release();
}

void RingProvider::add_notice(std::string text) {
  state_of(provider_).add_notice(std::move(text));
}

// ---- the interface ------------------------------------------------------------------------------

// Elements may name a participant to a shared provider, whose one ring answers.
GstE2EEKeyMaterial *RingProvider::lookup_current(const char *participant) const {
  return store_.lookup_current(shared_ ? std::string() : owner_of(participant)).release();
}

GstE2EEKeyMaterial *RingProvider::lookup(const char *participant, guint64 id) const {
  return store_.lookup(shared_ ? std::string() : owner_of(participant), id).release();
}

void RingProvider::ratcheted(const char *participant, GstE2EEKeyMaterial *material) {
  store_.advance(owner_of(participant), material,
                 state_of(provider_).has_several_schemes(participant));
}

void ring_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = [](GstE2EEKeyProvider *self, const gchar *participant, GError **) {
    return ring_of(self).lookup_current(participant);
  };
  iface->lookup = [](GstE2EEKeyProvider *self, const gchar *participant, guint64 id, GError **) {
    return ring_of(self).lookup(participant, id);
  };
  iface->ratcheted = [](GstE2EEKeyProvider *self, const gchar *participant, guint64, guint64,
                        GstE2EEKeyMaterial *material) {
    ring_of(self).ratcheted(participant, material);
  };
}

}  // namespace e2ee
