/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee-enums.h>

G_BEGIN_DECLS

/**
 * GstE2EEKeyMaterial: (ref-func gst_e2ee_key_material_ref) (unref-func gst_e2ee_key_material_unref)
 *
 * What a key is derived from: a passphrase or raw bytes, with the options of the derivation. Its
 * bytes lie in memory that is locked, left out of core dumps and wiped when the last reference
 * goes.
 *
 * Options are set between making it and handing it to a provider or returning it from a look-up;
 * after that it is fixed, and setters fail with %GST_E2EE_ERROR_INVALID_OPTION. References may be
 * taken and dropped on any thread.
 *
 * Since: 0.1
 */
typedef struct _GstE2EEKeyMaterial GstE2EEKeyMaterial;

#define GST_TYPE_E2EE_KEY_MATERIAL (gst_e2ee_key_material_get_type())

GST_E2EE_API
GType gst_e2ee_key_material_get_type(void);

/**
 * gst_e2ee_key_material_new_passphrase:
 * @text: the passphrase, UTF-8, not empty, used as it is (no Unicode normalisation)
 * @key_id: key index for the trailer schemes (0 to 255), key id for SFrame; not
 *   %GST_E2EE_ALL_KEYS
 * @error: return location for a #GError
 *
 * Makes material from a text that people agreed on.
 *
 * Returns: (transfer full): new material, or %NULL with %GST_E2EE_ERROR_INVALID_KEY or
 *   %GST_E2EE_ERROR_INVALID_INDEX
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_key_material_new_passphrase(const gchar *text, guint64 key_id,
                                                         GError **error);

/**
 * gst_e2ee_key_material_new_raw:
 * @bytes: at least 16 secret bytes; #GBytes itself is ordinary memory, so drop it soon
 * @key_id: key index for the trailer schemes (0 to 255), key id for SFrame; not
 *   %GST_E2EE_ALL_KEYS
 * @error: return location for a #GError
 *
 * Makes material from a random key.
 *
 * Returns: (transfer full): new material, or %NULL with %GST_E2EE_ERROR_INVALID_KEY or
 *   %GST_E2EE_ERROR_INVALID_INDEX
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_key_material_new_raw(GBytes *bytes, guint64 key_id, GError **error);

/**
 * gst_e2ee_key_material_ref: (skip)
 * @material: material
 *
 * Takes a reference. Any thread.
 *
 * Returns: (transfer full): @material
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_key_material_ref(GstE2EEKeyMaterial *material);

/**
 * gst_e2ee_key_material_unref: (skip)
 * @material: (transfer full): material
 *
 * Drops a reference, with the last of which the secret is wiped. Any thread.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_key_material_unref(GstE2EEKeyMaterial *material);

/**
 * gst_e2ee_key_material_set_kdf:
 * @material: not yet handed out
 * @kdf: how to derive; default %GST_E2EE_KDF_AUTO
 * @error: return location for a #GError
 *
 * Chooses the key derivation.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_material_set_kdf(GstE2EEKeyMaterial *material, GstE2EEKdf kdf,
                                       GError **error);

/**
 * gst_e2ee_key_material_set_salt:
 * @material: not yet handed out
 * @salt: (nullable): salt of the derivation, UTF-8, may be empty; %NULL, the default, is the
 *   scheme's own
 * @error: return location for a #GError
 *
 * Chooses the salt of the derivation and of ratchets.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_material_set_salt(GstE2EEKeyMaterial *material, const gchar *salt,
                                        GError **error);

/**
 * gst_e2ee_key_material_set_key_size:
 * @material: not yet handed out
 * @bits: 128 or 256; 0, the default, is the scheme's own
 * @error: return location for a #GError
 *
 * Chooses the size of the AES key.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_material_set_key_size(GstE2EEKeyMaterial *material, guint bits,
                                            GError **error);

/**
 * gst_e2ee_key_material_set_generation:
 * @material: not yet handed out
 * @generation: how many ratchet steps led to these bytes, at most %G_MAXINT64; default 0
 * @error: return location for a #GError
 *
 * Says which generation the bytes belong to.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_material_set_generation(GstE2EEKeyMaterial *material, guint64 generation,
                                              GError **error);

/**
 * gst_e2ee_key_material_set_ratchet_window:
 * @material: not yet handed out
 * @steps: how many ratchet steps a receiver looks ahead for, 0 (default) to 64
 * @error: return location for a #GError
 *
 * Says how far a receiver looks ahead.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_material_set_ratchet_window(GstE2EEKeyMaterial *material, guint steps,
                                                  GError **error);

/**
 * gst_e2ee_key_material_get_bytes:
 * @material: material that your application made, or has from an exportable provider
 * @error: return location for a #GError
 *
 * The secret itself, to hand on to a participant who joins late: the raw bytes, or the UTF-8 of a
 * passphrase. They are in ordinary memory from here on.
 *
 * Material that has been set on a provider without its `exportable` property cannot be read,
 * whichever providers it goes through later.
 *
 * Returns: (transfer full): a copy, or %NULL with %GST_E2EE_ERROR_INVALID_OPTION
 *
 * Since: 0.1
 */
GST_E2EE_API
GBytes *gst_e2ee_key_material_get_bytes(GstE2EEKeyMaterial *material, GError **error);

/**
 * gst_e2ee_key_material_get_key_id:
 * @material: material
 *
 * The id it was made with.
 *
 * Returns: key index for the trailer schemes, key id for SFrame
 *
 * Since: 0.1
 */
GST_E2EE_API
guint64 gst_e2ee_key_material_get_key_id(GstE2EEKeyMaterial *material);

/**
 * gst_e2ee_key_material_get_generation:
 * @material: material
 *
 * How far its key has ratcheted.
 *
 * Returns: how many ratchet steps led to its bytes
 *
 * Since: 0.1
 */
GST_E2EE_API
guint64 gst_e2ee_key_material_get_generation(GstE2EEKeyMaterial *material);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstE2EEKeyMaterial, gst_e2ee_key_material_unref)

G_END_DECLS
