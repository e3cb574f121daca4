/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/e2ee-enumtypes.h>
#include <gst/e2ee/gste2eesharedkeyprovider.h>

#include "keystore.h"
#include "registry.h"

using e2ee::KeyStore;
using e2ee::MaterialPtr;
using e2ee::ProviderState;

struct _GstE2EESharedKeyProvider {
  GObject parent;
  KeyStore *store;
};

enum { PROP_0, PROP_KEYRING_SIZE, PROP_KEY_SIZE, PROP_KDF, PROP_RATCHET_SALT };

static GstE2EEKeyMaterial *shared_lookup_current(GstE2EEKeyProvider *provider, const gchar *,
                                                 GError **) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider)->store->lookup_current({}).release();
}

static GstE2EEKeyMaterial *shared_lookup(GstE2EEKeyProvider *provider, const gchar *,
                                         guint64 key_id, GError **) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider)->store->lookup({}, key_id).release();
}

static void shared_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = shared_lookup_current;
  iface->lookup = shared_lookup;
}

G_DEFINE_TYPE_WITH_CODE(GstE2EESharedKeyProvider, gst_e2ee_shared_key_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, shared_iface_init))

static void gst_e2ee_shared_key_provider_set_property(GObject *object, guint id,
                                                      const GValue *value, GParamSpec *pspec) {
  KeyStore &store = *GST_E2EE_SHARED_KEY_PROVIDER(object)->store;
  KeyStore::Options options = store.options();
  switch (id) {
    case PROP_KEYRING_SIZE:
      options.ring_size = g_value_get_uint(value);
      break;
    case PROP_KEY_SIZE:
      options.defaults.key_bits = g_value_get_uint(value);
      break;
    case PROP_KDF:
      options.defaults.kdf = static_cast<e2ee::Kdf>(g_value_get_enum(value));
      break;
    case PROP_RATCHET_SALT: {
      const gchar *salt = g_value_get_string(value);
      options.defaults.salt = salt ? std::optional<std::string>(salt) : std::nullopt;
      break;
    }
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      return;
  }
  store.set_options(options);
}

static void gst_e2ee_shared_key_provider_get_property(GObject *object, guint id, GValue *value,
                                                      GParamSpec *pspec) {
  const KeyStore::Options options = GST_E2EE_SHARED_KEY_PROVIDER(object)->store->options();
  switch (id) {
    case PROP_KEYRING_SIZE:
      g_value_set_uint(value, options.ring_size);
      break;
    case PROP_KEY_SIZE:
      g_value_set_uint(value, options.defaults.key_bits);
      break;
    case PROP_KDF:
      g_value_set_enum(value, static_cast<gint>(options.defaults.kdf));
      break;
    case PROP_RATCHET_SALT:
      g_value_set_string(value, options.defaults.salt ? options.defaults.salt->c_str() : nullptr);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_e2ee_shared_key_provider_finalize(GObject *object) {
  delete GST_E2EE_SHARED_KEY_PROVIDER(object)->store;
  G_OBJECT_CLASS(gst_e2ee_shared_key_provider_parent_class)->finalize(object);
}

static void gst_e2ee_shared_key_provider_class_init(GstE2EESharedKeyProviderClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_shared_key_provider_set_property;
  object_class->get_property = gst_e2ee_shared_key_provider_get_property;
  object_class->finalize = gst_e2ee_shared_key_provider_finalize;
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

  /**
   * GstE2EESharedKeyProvider:keyring-size:
   *
   * Number of key indices, 1 to 256. LiveKit's and Jitsi's clients use 16, Element Call 256.
   */
  g_object_class_install_property(
      object_class, PROP_KEYRING_SIZE,
      g_param_spec_uint("keyring-size", "Key ring size",
                        "Number of key indices; those of keys set afterwards must be below it", 1,
                        256, 16, flags));
  /**
   * GstE2EESharedKeyProvider:key-size:
   *
   * Bits of the derived keys, 128 or 256; with any other value no key can be set.
   */
  g_object_class_install_property(
      object_class, PROP_KEY_SIZE,
      g_param_spec_uint(
          "key-size", "Key size",
          "Bits of the AES keys that are derived: 128 or 256; for keys set afterwards", 128, 256,
          128, flags));
  /**
   * GstE2EESharedKeyProvider:kdf:
   *
   * How keys are derived from what is set.
   */
  g_object_class_install_property(
      object_class, PROP_KDF,
      g_param_spec_enum("kdf", "Key derivation",
                        "How keys set afterwards are derived; auto: PBKDF2 for passphrases, HKDF "
                        "for raw bytes",
                        GST_TYPE_E2EE_KDF, GST_E2EE_KDF_AUTO, flags));
  /**
   * GstE2EESharedKeyProvider:ratchet-salt:
   *
   * Salt of derivation and ratchet. It is public; both ends must use the same.
   */
  g_object_class_install_property(
      object_class, PROP_RATCHET_SALT,
      g_param_spec_string("ratchet-salt", "Ratchet salt",
                          "Salt (UTF-8, may be empty) that keys set afterwards are derived with; "
                          "unset: the scheme's own",
                          nullptr, flags));
}

static void gst_e2ee_shared_key_provider_init(GstE2EESharedKeyProvider *self) {
  self->store = new KeyStore;
  KeyStore::Options options;
  options.defaults.key_bits = 128;
  self->store->set_options(options);
}

// Announces and waits until running elements use it: whoever set a key expects the next frame to
// have it.
static void announce(GstE2EESharedKeyProvider *self, guint64 key_id) {
  ProviderState::of(GST_E2EE_KEY_PROVIDER(self))->changed(nullptr, key_id, true);
  g_signal_emit_by_name(self, "key-changed", nullptr, key_id);
}

static gboolean store_and_announce(GstE2EESharedKeyProvider *self,
                                   const GstE2EEKeyMaterial *material, GError **error) {
  if (material == nullptr || !self->store->set({}, material, error))
    return FALSE;
  announce(self, e2ee::material_of(material).key_id);
  return TRUE;
}

GstE2EESharedKeyProvider *gst_e2ee_shared_key_provider_new() {
  return GST_E2EE_SHARED_KEY_PROVIDER(g_object_new(GST_TYPE_E2EE_SHARED_KEY_PROVIDER, nullptr));
}

gboolean gst_e2ee_shared_key_provider_set_passphrase(GstE2EESharedKeyProvider *self,
                                                     const gchar *text, guint index,
                                                     GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && text != nullptr, FALSE);
  MaterialPtr material = e2ee::material_from_passphrase(e2ee::bytes_of(text), index, error);
  return store_and_announce(self, material.get(), error);
}

gboolean gst_e2ee_shared_key_provider_set_key(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                              guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && bytes != nullptr, FALSE);
  MaterialPtr material(gst_e2ee_key_material_new_raw(bytes, index, error));
  return store_and_announce(self, material.get(), error);
}

gboolean gst_e2ee_shared_key_provider_set_material(GstE2EESharedKeyProvider *self,
                                                   GstE2EEKeyMaterial *material, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && material != nullptr, FALSE);
  e2ee::material_freeze(material);
  return store_and_announce(self, material, error);
}

gboolean gst_e2ee_shared_key_provider_set_current_index(GstE2EESharedKeyProvider *self, guint index,
                                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  if (!self->store->set_current({}, index, error))
    return FALSE;
  announce(self, index);
  return TRUE;
}

gboolean gst_e2ee_shared_key_provider_remove_key(GstE2EESharedKeyProvider *self, guint index,
                                                 GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  if (!self->store->remove({}, index, error))
    return FALSE;
  gst_e2ee_key_provider_removed(GST_E2EE_KEY_PROVIDER(self), nullptr, index);
  return TRUE;
}
