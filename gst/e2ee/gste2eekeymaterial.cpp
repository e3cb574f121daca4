/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eekeymaterial.h>

#include <atomic>
#include <cstring>

#include "core/scheme.h"
#include "errors.h"
#include "gste2eekeyprovider.h"
#include "material-private.h"

struct _GstE2EEKeyMaterial {
  std::atomic<int> refs{1};
  std::atomic<bool> frozen{false};
  e2ee::Material material;
};

G_DEFINE_BOXED_TYPE(GstE2EEKeyMaterial, gst_e2ee_key_material, gst_e2ee_key_material_ref,
                    gst_e2ee_key_material_unref)

namespace e2ee {

namespace {

constexpr std::size_t kMinRawKey = 16;
constexpr guint64 kMaxGeneration = G_MAXINT64;  // ratchet steps from there never wrap

bool check_open(const GstE2EEKeyMaterial *material, GError **error) {
  if (!material->frozen)
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
              "this key material has been handed out: set its options before that");
}

bool check_key_id(guint64 key_id, GError **error) {
  if (key_id != GST_E2EE_ALL_KEYS)
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_INDEX,
              "key id %" G_GUINT64_FORMAT " stands for all keys: use another one", key_id);
}

}  // namespace

const Material &material_of(const GstE2EEKeyMaterial *material) {
  return material->material;
}

MaterialPtr material_ref(GstE2EEKeyMaterial *material) {
  return MaterialPtr(gst_e2ee_key_material_ref(material));
}

MaterialPtr material_new(Material content) {
  MaterialPtr material(new GstE2EEKeyMaterial);
  material->material = std::move(content);
  return material;
}

void material_freeze(GstE2EEKeyMaterial *material) {
  material->frozen = true;
}

namespace {
MaterialPtr frozen(Material content) {
  MaterialPtr made = material_new(std::move(content));
  material_freeze(made.get());
  return made;
}
}  // namespace

MaterialPtr material_with_defaults(const GstE2EEKeyMaterial *material,
                                   const MaterialDefaults &defaults) {
  Material filled = material->material.clone();
  if (filled.kdf == Kdf::automatic)
    filled.kdf = defaults.kdf;
  if (!filled.salt)
    filled.salt = defaults.salt;
  if (filled.key_bits == 0)
    filled.key_bits = defaults.key_bits;
  if (filled.ratchet_window == 0)
    filled.ratchet_window = defaults.ratchet_window;
  static std::atomic<std::uint64_t> last_lineage{0};
  filled.exportable = filled.exportable && defaults.exportable;
  filled.lineage = ++last_lineage;
  return frozen(std::move(filled));
}

MaterialPtr material_of_key(const Material &from, const Key &key, const Scheme &scheme) {
  if (key.own.empty())
    return nullptr;
  Material material = from.clone();
  // Each stream ratchets a key of its own, that comes of the base key.
  if (scheme.per_ssrc) {
    material.steps = key.generation - material.generation;
    return frozen(std::move(material));
  }
  // A passphrase stays with PBKDF2 when it has become bytes.
  if (material.kdf == Kdf::automatic)
    material.kdf = material.passphrase ? Kdf::pbkdf2 : Kdf::hkdf;
  material.passphrase = false;
  material.bytes = key.own.clone();
  material.generation = key.generation;
  material.steps = 0;
  material.scheme = &scheme;
  return frozen(std::move(material));
}

bool same_material(const Material &a, const Material &b) {
  if (a.lineage != b.lineage)
    return false;
  return a.key_id == b.key_id && a.generation == b.generation && a.passphrase == b.passphrase &&
         a.kdf == b.kdf && a.salt == b.salt && a.key_bits == b.key_bits &&
         a.ratchet_window == b.ratchet_window && equal_secret(a.bytes.view(), b.bytes.view());
}

MaterialPtr material_from_passphrase(ByteView text, guint64 key_id, GError **error) {
  if (text.empty()) {
    fail(error, GST_E2EE_ERROR_INVALID_KEY, "the passphrase is empty");
    return nullptr;
  }
  if (!g_utf8_validate(reinterpret_cast<const char *>(text.data()),
                       static_cast<gssize>(text.size()), nullptr)) {
    fail(error, GST_E2EE_ERROR_INVALID_KEY,
         "the passphrase is not UTF-8 text; use a raw key for binary secrets");
    return nullptr;
  }
  if (!check_key_id(key_id, error))
    return nullptr;
  Material material;
  material.bytes = Secret(text);
  material.passphrase = true;
  material.key_id = key_id;
  return material_new(std::move(material));
}

MaterialPtr material_from_bytes(ByteView bytes, guint64 key_id, GError **error) {
  if (bytes.size() < kMinRawKey) {
    fail(error, GST_E2EE_ERROR_INVALID_KEY,
         "a raw key needs at least %" G_GSIZE_FORMAT " bytes, this one has %" G_GSIZE_FORMAT,
         kMinRawKey, bytes.size());
    return nullptr;
  }
  if (!check_key_id(key_id, error))
    return nullptr;
  Material material;
  material.bytes = Secret(bytes);
  material.key_id = key_id;
  return material_new(std::move(material));
}

}  // namespace e2ee

GstE2EEKeyMaterial *gst_e2ee_key_material_new_passphrase(const gchar *text, guint64 key_id,
                                                         GError **error) {
  g_return_val_if_fail(text != nullptr, nullptr);
  return e2ee::material_from_passphrase(e2ee::bytes_of(text), key_id, error).release();
}

GstE2EEKeyMaterial *gst_e2ee_key_material_new_raw(GBytes *bytes, guint64 key_id, GError **error) {
  g_return_val_if_fail(bytes != nullptr, nullptr);
  gsize size = 0;
  const auto *data = static_cast<const guint8 *>(g_bytes_get_data(bytes, &size));
  return e2ee::material_from_bytes({data, size}, key_id, error).release();
}

GstE2EEKeyMaterial *gst_e2ee_key_material_ref(GstE2EEKeyMaterial *material) {
  g_return_val_if_fail(material != nullptr, nullptr);
  ++material->refs;
  return material;
}

void gst_e2ee_key_material_unref(GstE2EEKeyMaterial *material) {
  g_return_if_fail(material != nullptr);
  if (--material->refs == 0)
    delete material;
}

gboolean gst_e2ee_key_material_set_kdf(GstE2EEKeyMaterial *material, GstE2EEKdf kdf,
                                       GError **error) {
  g_return_val_if_fail(material != nullptr, FALSE);
  if (!e2ee::check_open(material, error))
    return FALSE;
  if (static_cast<guint>(kdf) > GST_E2EE_KDF_HKDF)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "there is no key derivation %d: use a value of GstE2EEKdf", kdf);
  material->material.kdf = static_cast<e2ee::Kdf>(kdf);
  return TRUE;
}

gboolean gst_e2ee_key_material_set_salt(GstE2EEKeyMaterial *material, const gchar *salt,
                                        GError **error) {
  g_return_val_if_fail(material != nullptr, FALSE);
  if (!e2ee::check_open(material, error))
    return FALSE;
  if (salt != nullptr && !g_utf8_validate(salt, -1, nullptr))
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION, "the salt is not UTF-8 text");
  material->material.salt = salt ? std::optional<std::string>(salt) : std::nullopt;
  return TRUE;
}

gboolean gst_e2ee_key_material_set_key_size(GstE2EEKeyMaterial *material, guint bits,
                                            GError **error) {
  g_return_val_if_fail(material != nullptr, FALSE);
  if (!e2ee::check_open(material, error))
    return FALSE;
  if (bits != 0 && bits != 128 && bits != 256)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "a key size of %u bits does not exist: use 128 or 256", bits);
  material->material.key_bits = bits;
  return TRUE;
}

gboolean gst_e2ee_key_material_set_generation(GstE2EEKeyMaterial *material, guint64 generation,
                                              GError **error) {
  g_return_val_if_fail(material != nullptr, FALSE);
  if (!e2ee::check_open(material, error))
    return FALSE;
  if (generation > e2ee::kMaxGeneration)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "generation %" G_GUINT64_FORMAT " is too high: at most %" G_GUINT64_FORMAT,
                      generation, e2ee::kMaxGeneration);
  material->material.generation = generation;
  return TRUE;
}

gboolean gst_e2ee_key_material_set_ratchet_window(GstE2EEKeyMaterial *material, guint steps,
                                                  GError **error) {
  g_return_val_if_fail(material != nullptr, FALSE);
  if (!e2ee::check_open(material, error))
    return FALSE;
  if (steps > e2ee::kMaxRatchetWindow)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "a ratchet window of %u steps is too wide: at most %u", steps,
                      e2ee::kMaxRatchetWindow);
  material->material.ratchet_window = steps;
  return TRUE;
}

GBytes *gst_e2ee_key_material_get_bytes(GstE2EEKeyMaterial *material, GError **error) {
  g_return_val_if_fail(material != nullptr, nullptr);
  const e2ee::ByteView bytes = material->material.bytes.view();
  if (!material->material.exportable || bytes.empty()) {
    e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
               "this key material cannot be read back: it was set on a key provider that is not "
               "exportable");
    return nullptr;
  }
  return g_bytes_new(bytes.data(), bytes.size());
}

guint64 gst_e2ee_key_material_get_key_id(GstE2EEKeyMaterial *material) {
  g_return_val_if_fail(material != nullptr, 0);
  return material->material.key_id;
}

guint64 gst_e2ee_key_material_get_generation(GstE2EEKeyMaterial *material) {
  g_return_val_if_fail(material != nullptr, 0);
  return material->material.generation;
}
