/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ringprovider.h"

#include "providerstate.h"

namespace e2ee {

namespace {

constexpr guint kMaxWindow = 64;

enum RingProperty : guint {
  kKeyringSize = 1,
  kKeySize,
  kKdf,
  kRatchetSalt,
  kRatchetWindow,
  kFailureTolerance,
  kExportable,
  kSharedCount,
  kRatchetInterval = kSharedCount,  // of participants
  kRatchetFrames,
  kKeysFile,
  kCount,
};

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
  g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                      "a participant needs an identity that is not empty");
  return false;
}

// Announces and waits until running elements use it: whoever set a key expects the next frame to
// have it.
void RingProvider::announce(const char *participant, guint64 id) {
  state_of(provider_).changed_now(participant, id);
  const ForeignCall call;
  g_signal_emit_by_name(provider_, "key-changed", participant, id);
}

void RingProvider::announce_later(const char *participant, guint64 id, const Done &done) {
  const bool is_named = participant != nullptr;
  auto tell = [state = ProviderState::of(provider_), is_named, who = owner_of(participant), id,
               done] {
    if (const ProviderRef provider = state->ref_provider()) {
      const ForeignCall call;
      g_signal_emit_by_name(provider.get(), "key-changed", is_named ? who.c_str() : nullptr, id);
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
  const bool is_named = participant != nullptr;
  state_of(provider_).ratchet(
      participant, id,
      [is_named, owner, id](GstE2EEKeyProvider *provider, std::optional<std::uint64_t> generation) {
        if (!generation)  // nobody has it derived: it is enough to remember the step
          generation = ring_of(provider).store_.step(owner, id);
        const ForeignCall call;
        g_signal_emit_by_name(provider, "key-ratcheted", is_named ? owner.c_str() : nullptr, id,
                              *generation);
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

// ---- properties ---------------------------------------------------------------------------------

namespace {

// Of those that are for keys set afterwards; false for others.
bool set_option(KeyStore::Options &options, guint id, const GValue *value) {
  MaterialDefaults &defaults = options.defaults;
  switch (id) {
    case kKeyringSize:
      options.ring_size = g_value_get_uint(value);
      return true;
    case kKeySize:
      defaults.key_bits = g_value_get_uint(value);
      return true;
    case kKdf:
      defaults.kdf = static_cast<Kdf>(g_value_get_enum(value));
      return true;
    case kRatchetSalt:
      defaults.salt.reset();
      if (const gchar *salt = g_value_get_string(value))
        defaults.salt = salt;
      return true;
    case kRatchetWindow:
      defaults.ratchet_window = g_value_get_uint(value);
      return true;
    case kExportable:
      defaults.exportable = g_value_get_boolean(value);
      return true;
    default:
      return false;
  }
}

}  // namespace

bool RingProvider::set_property(guint id, const GValue *value) {
  bool is_option = false;
  store_.change_options(
      [&](KeyStore::Options &options) { is_option = set_option(options, id, value); });
  if (is_option)
    return true;
  ProviderState &state = state_of(provider_);
  switch (id) {
    case kFailureTolerance:
      state.set_failure_tolerance(g_value_get_int(value));
      return true;
    case kRatchetInterval:
      state.set_ratchet_interval(g_value_get_uint64(value));
      return true;
    case kRatchetFrames:
      state.set_ratchet_frames(g_value_get_uint64(value));
      return true;
    default:
      return false;
  }
}

bool RingProvider::get_property(guint id, GValue *value) {
  const KeyStore::Options options = store_.options();
  const MaterialDefaults &defaults = options.defaults;
  switch (id) {
    case kKeyringSize:
      g_value_set_uint(value, options.ring_size);
      break;
    case kKeySize:
      g_value_set_uint(value, defaults.key_bits);
      break;
    case kKdf:
      g_value_set_enum(value, static_cast<gint>(defaults.kdf));
      break;
    case kRatchetSalt:
      g_value_set_string(value, defaults.salt ? defaults.salt->c_str() : nullptr);
      break;
    case kRatchetWindow:
      g_value_set_uint(value, defaults.ratchet_window);
      break;
    case kFailureTolerance:
      g_value_set_int(value, state_of(provider_).failure_tolerance());
      break;
    case kExportable:
      g_value_set_boolean(value, defaults.exportable);
      break;
    case kRatchetInterval:
      g_value_set_uint64(value, state_of(provider_).ratchet_interval());
      break;
    case kRatchetFrames:
      g_value_set_uint64(value, state_of(provider_).ratchet_frames());
      break;
    case kKeysFile:
      g_value_take_string(value, file_keys_.copy_path());
      break;
    default:
      return false;
  }
  return true;
}

namespace {

GParamSpec *keys_file_property;

constexpr auto kReadWrite = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
constexpr auto kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void add_common_properties(GParamSpec **properties, guint default_window) {
  properties[kKeyringSize] =
      g_param_spec_uint("keyring-size", "Key ring size",
                        "Number of key indices, 1 to 256; those of keys set afterwards must be "
                        "below it. LiveKit and Jitsi use 16, Element Call 256",
                        1, 256, 16, kReadWrite);
  properties[kKeySize] = g_param_spec_uint("key-size", "Key size",
                                           "Bits of the AES keys that are derived, 128 or 256; "
                                           "for keys set afterwards",
                                           128, 256, 128, kReadWrite);
  properties[kKdf] = g_param_spec_enum("kdf", "Key derivation",
                                       "How keys set afterwards are derived; auto: PBKDF2 for "
                                       "passphrases, HKDF for raw bytes",
                                       GST_TYPE_E2EE_KDF, GST_E2EE_KDF_AUTO, kReadWrite);
  properties[kRatchetSalt] =
      g_param_spec_string("ratchet-salt", "Ratchet salt",
                          "Salt (UTF-8, may be empty) that keys set afterwards are derived and "
                          "ratcheted with; unset: the scheme's own",
                          nullptr, kReadWrite);
  properties[kRatchetWindow] =
      g_param_spec_uint("ratchet-window", "Ratchet window",
                        "How many ratchet steps a receiver looks ahead when a frame does not "
                        "verify, 0 to 64; for keys set afterwards",
                        0, kMaxWindow, default_window, kReadWrite);
  properties[kFailureTolerance] =
      g_param_spec_int("failure-tolerance", "Failure tolerance",
                       "Failures in a row after which looking ahead and messages become rare; -1: "
                       "never. Frames that verify with the present key always pass",
                       -1, G_MAXINT, -1, kReadWrite);
  properties[kExportable] =
      g_param_spec_boolean("exportable", "Exportable",
                           "Whether get_material() hands out keys set afterwards; no key that "
                           "comes from a provider which does not",
                           FALSE, kReadWrite);
}

void add_participant_properties(GParamSpec **properties) {
  properties[kRatchetInterval] =
      g_param_spec_uint64("ratchet-interval", "Ratchet interval",
                          "Nanoseconds, at least 10 ms, after which a participant who sends here "
                          "ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, kReadWrite);
  properties[kRatchetFrames] =
      g_param_spec_uint64("ratchet-frames", "Ratchet frames",
                          "Frames, audio and video together, after which a participant who sends "
                          "here ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, kReadWrite);
  properties[kKeysFile] = keys_file_property = g_param_spec_string(
      "keys-file", "Keys file",
      "The keys.ini file that was to be loaded last, whether it could be read or not", nullptr,
      kReadOnly);
}

}  // namespace

void RingProvider::notify_keys_file() {
  const ForeignCall call;
  g_object_notify_by_pspec(G_OBJECT(provider_), keys_file_property);
}

void ring_class_init(GObjectClass *klass, const RingKind &kind) {
  klass->set_property = [](GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
    if (!ring_of(object).set_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  };
  klass->get_property = [](GObject *object, guint id, GValue *value, GParamSpec *pspec) {
    if (!ring_of(object).get_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  };
  klass->finalize = [](GObject *object) {
    delete static_cast<RingObject *>(static_cast<gpointer>(object))->ring;
    // Neither class is derived from: what is above the object's own is above this one.
    G_OBJECT_CLASS(g_type_class_peek_parent(G_OBJECT_GET_CLASS(object)))->finalize(object);
  };
  GParamSpec *properties[kCount] = {};
  add_common_properties(properties, kind.default_window);
  if (!kind.shared)
    add_participant_properties(properties);
  g_object_class_install_properties(klass, kind.shared ? kSharedCount : kCount, properties);
}

}  // namespace e2ee
