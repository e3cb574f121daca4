/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/gste2eekeyprovider.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_SHARED_KEY_PROVIDER (gst_e2ee_shared_key_provider_get_type())

GST_E2EE_API
G_DECLARE_FINAL_TYPE(GstE2EESharedKeyProvider, gst_e2ee_shared_key_provider, GST,
                     E2EE_SHARED_KEY_PROVIDER, GObject)

/**
 * GstE2EESharedKeyProvider:
 *
 * One key ring for everyone in the meeting. All methods may be called on any thread. A setter
 * returns once the elements that are running have the derived key, so that the next frame uses it;
 * it must therefore not be called on a streaming thread that has to keep time.
 *
 * Since: 0.1
 */

/**
 * gst_e2ee_shared_key_provider_new:
 *
 * Returns: (transfer full): a provider without keys
 */
GST_E2EE_API
GstE2EESharedKeyProvider *gst_e2ee_shared_key_provider_new(void);

/**
 * gst_e2ee_shared_key_provider_set_passphrase:
 * @self: the provider
 * @text: passphrase, UTF-8, not empty
 * @index: key index, below #GstE2EESharedKeyProvider:keyring-size
 * @error: return location for a #GError
 *
 * Puts a key into the ring. The first one becomes current; to start encrypting with a later one
 * call gst_e2ee_shared_key_provider_set_current_index() once everyone has it.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_KEY or %GST_E2EE_ERROR_INVALID_INDEX
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_passphrase(GstE2EESharedKeyProvider *self,
                                                     const gchar *text, guint index,
                                                     GError **error);

/**
 * gst_e2ee_shared_key_provider_set_key:
 * @self: the provider
 * @bytes: at least 16 secret bytes
 * @index: key index, below #GstE2EESharedKeyProvider:keyring-size
 * @error: return location for a #GError
 *
 * As gst_e2ee_shared_key_provider_set_passphrase(), from raw bytes.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_KEY or %GST_E2EE_ERROR_INVALID_INDEX
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_key(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                              guint index, GError **error);

/**
 * gst_e2ee_shared_key_provider_set_material:
 * @self: the provider
 * @material: (transfer none): what to derive from, with its key id and options
 * @error: return location for a #GError
 *
 * As gst_e2ee_shared_key_provider_set_key(), with the derivation's options in @material. Those
 * that it leaves open are taken from the provider's properties.
 *
 * Returns: %TRUE, or %FALSE with @error set
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_material(GstE2EESharedKeyProvider *self,
                                                   GstE2EEKeyMaterial *material, GError **error);

/**
 * gst_e2ee_shared_key_provider_get_material:
 * @self: the provider
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * A key at its present generation, to hand on to someone who joins late.
 *
 * Returns: (transfer full): its material, or %NULL with %GST_E2EE_ERROR_INVALID_OPTION unless
 *   #GstE2EESharedKeyProvider:exportable was set before the key
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_shared_key_provider_get_material(GstE2EESharedKeyProvider *self,
                                                              guint index, GError **error);

/**
 * gst_e2ee_shared_key_provider_ratchet:
 * @self: the provider
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * Moves a key one generation forward. All who use it have to do that, or to look ahead
 * (#GstE2EESharedKeyProvider:ratchet-window). A ratchet shuts nobody out who had the key: only a
 * new key does. Emits #GstE2EEKeyProvider::key-ratcheted.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_INDEX or %GST_E2EE_ERROR_NOT_FOUND
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_ratchet(GstE2EESharedKeyProvider *self, guint index,
                                              GError **error);

/**
 * gst_e2ee_shared_key_provider_set_current_index:
 * @self: the provider
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * Encrypts with this key from the next frame on.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_INDEX or %GST_E2EE_ERROR_NOT_FOUND
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_current_index(GstE2EESharedKeyProvider *self, guint index,
                                                        GError **error);

/**
 * gst_e2ee_shared_key_provider_remove_key:
 * @self: the provider
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * Takes a key out of the ring. When this returns no frame is encrypted or decrypted with it.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_NOT_FOUND
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_remove_key(GstE2EESharedKeyProvider *self, guint index,
                                                 GError **error);

G_END_DECLS
