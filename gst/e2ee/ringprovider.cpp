/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ringprovider.h"

#include "registry.h"

namespace e2ee {

namespace {
constexpr guint kMaxWindow = 64;

ProviderState &state_of(gpointer provider) {
  return *ProviderState::of(GST_E2EE_KEY_PROVIDER(provider));
}
}  // namespace

void install_ring_properties(GObjectClass *klass, guint default_window) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  const auto add = [&](guint id, GParamSpec *pspec) {
    g_object_class_install_property(klass, id, pspec);
  };
  add(kKeyringSize,
      g_param_spec_uint("keyring-size", "Key ring size",
                        "Number of key indices, 1 to 256; those of keys set afterwards must be "
                        "below it. LiveKit and Jitsi use 16, Element Call 256",
                        1, 256, 16, flags));
  add(kKeySize, g_param_spec_uint("key-size", "Key size",
                                  "Bits of the AES keys that are derived, 128 or 256; for keys set "
                                  "afterwards",
                                  128, 256, 128, flags));
  add(kKdf, g_param_spec_enum("kdf", "Key derivation",
                              "How keys set afterwards are derived; auto: PBKDF2 for passphrases, "
                              "HKDF for raw bytes",
                              GST_TYPE_E2EE_KDF, GST_E2EE_KDF_AUTO, flags));
  add(kRatchetSalt,
      g_param_spec_string("ratchet-salt", "Ratchet salt",
                          "Salt (UTF-8, may be empty) that keys set afterwards are derived and "
                          "ratcheted with; unset: the scheme's own",
                          nullptr, flags));
  add(kRatchetWindow,
      g_param_spec_uint("ratchet-window", "Ratchet window",
                        "How many ratchet steps a receiver looks ahead when a frame does not "
                        "verify, 0 to 64; for keys set afterwards",
                        0, kMaxWindow, default_window, flags));
  add(kFailureTolerance,
      g_param_spec_int("failure-tolerance", "Failure tolerance",
                       "Failures in a row after which looking ahead and messages become rare; -1: "
                       "never. Frames that verify with the present key always pass",
                       -1, G_MAXINT, -1, flags));
  add(kExportable,
      g_param_spec_boolean("exportable", "Exportable",
                           "Whether get_material() hands out keys set afterwards", FALSE, flags));
}

KeyStore *new_key_store(guint default_window) {
  auto *store = new KeyStore;
  KeyStore::Options options;
  options.defaults.key_bits = 128;
  options.defaults.ratchet_window = default_window;
  store->set_options(options);
  return store;
}

bool set_ring_property(GObject *provider, KeyStore &store, guint id, const GValue *value) {
  KeyStore::Options options = store.options();
  switch (id) {
    case kKeyringSize:
      options.ring_size = g_value_get_uint(value);
      break;
    case kKeySize:
      options.defaults.key_bits = g_value_get_uint(value);
      break;
    case kKdf:
      options.defaults.kdf = static_cast<Kdf>(g_value_get_enum(value));
      break;
    case kRatchetSalt: {
      const gchar *salt = g_value_get_string(value);
      options.defaults.salt = salt ? std::optional<std::string>(salt) : std::nullopt;
      break;
    }
    case kRatchetWindow:
      options.defaults.ratchet_window = g_value_get_uint(value);
      break;
    case kFailureTolerance:
      state_of(provider).set_failure_tolerance(g_value_get_int(value));
      break;
    case kExportable:
      options.defaults.exportable = g_value_get_boolean(value);
      break;
    default:
      return false;
  }
  store.set_options(options);
  return true;
}

bool get_ring_property(GObject *provider, const KeyStore &store, guint id, GValue *value) {
  const KeyStore::Options options = store.options();
  switch (id) {
    case kKeyringSize:
      g_value_set_uint(value, options.ring_size);
      break;
    case kKeySize:
      g_value_set_uint(value, options.defaults.key_bits);
      break;
    case kKdf:
      g_value_set_enum(value, static_cast<gint>(options.defaults.kdf));
      break;
    case kRatchetSalt:
      g_value_set_string(value, options.defaults.salt ? options.defaults.salt->c_str() : nullptr);
      break;
    case kRatchetWindow:
      g_value_set_uint(value, options.defaults.ratchet_window);
      break;
    case kFailureTolerance:
      g_value_set_int(value, state_of(provider).failure_tolerance());
      break;
    case kExportable:
      g_value_set_boolean(value, options.defaults.exportable);
      break;
    default:
      return false;
  }
  return true;
}

// Announces and waits until running elements use it: whoever set a key expects the next frame to
// have it.
void RingProvider::announce(guint64 id) {
  state_of(provider_).changed(participant_, id, true);
  g_signal_emit_by_name(provider_, "key-changed", participant_, id);
}

bool RingProvider::set(MaterialPtr material, GError **error) {
  if (!material)
    return false;
  material_freeze(material.get());
  if (!store_.set(owner_, material.get(), error))
    return false;
  announce(material_of(material.get()).key_id);
  return true;
}

bool RingProvider::set_current(guint64 id, GError **error) {
  if (!store_.set_current(owner_, id, error))
    return false;
  announce(id);
  return true;
}

bool RingProvider::ratchet(guint64 id, GError **error) {
  if (!store_.check_key(owner_, id, error))
    return false;
  std::optional<std::uint64_t> generation = state_of(provider_).ratchet(participant_, id);
  if (!generation)  // nobody has it derived: it is enough to remember the step
    generation = store_.step(owner_, id);
  g_signal_emit_by_name(provider_, "key-ratcheted", participant_, id, *generation);
  return true;
}

bool RingProvider::remove(guint64 id, GError **error) {
  if (!store_.remove(owner_, id, error))
    return false;
  gst_e2ee_key_provider_removed(provider_, participant_, id);
  return true;
}

bool RingProvider::remove_all(GError **error) {
  if (!store_.remove_owner(owner_, error))
    return false;
  gst_e2ee_key_provider_removed(provider_, participant_, GST_E2EE_ALL_KEYS);
  return true;
}

void RingProvider::remove_these(const std::set<std::uint64_t> &ids) {
  const KeyStore::Removed removed = store_.remove_these(owner_, ids);
  if (removed.owner) {
    gst_e2ee_key_provider_removed(provider_, participant_, GST_E2EE_ALL_KEYS);
    return;
  }
  for (std::uint64_t id : removed.ids)
    gst_e2ee_key_provider_removed(provider_, participant_, id);
}

void note_ratchet(GstE2EEKeyProvider *provider, KeyStore &store, const char *participant,
                  GstE2EEKeyMaterial *material) {
  store.advance(participant ? participant : "", material,
                state_of(provider).has_several_schemes(participant));
}

}  // namespace e2ee
