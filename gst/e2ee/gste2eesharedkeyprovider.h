/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
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
 * GstE2EESharedKeyProvider:keyring-size:
 *
 * Number of key indices, 1 to 256, default 16. Indices of keys that are set afterwards must be
 * below it.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:key-size:
 *
 * Bits of the AES keys that are derived, 128 (default) or 256, for keys that are set afterwards.
 * With another size they are refused.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:kdf:
 *
 * How keys that are set afterwards are derived.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:ratchet-salt:
 *
 * Salt that keys which are set afterwards are derived and ratcheted with; %NULL, the default, is
 * the scheme's own.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:ratchet-window:
 *
 * How many ratchet steps a receiver looks ahead when a frame does not verify, 0 to 64, for keys
 * that are set afterwards. Default 0.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:failure-tolerance:
 *
 * Failures in a row after which looking ahead and messages become rare; -1, the default, is never.
 * Frames that verify with the present key always pass.
 *
 * Since: 0.1
 */

/**
 * GstE2EESharedKeyProvider:exportable:
 *
 * Whether get_material() hands out keys that are set afterwards. A key that came from a provider
 * which is not exportable stays unreadable here too.
 *
 * Since: 0.1
 */

/**
 * gst_e2ee_shared_key_provider_new:
 *
 * Makes a provider; set its properties before its keys.
 *
 * Returns: (transfer full): a provider without keys
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
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
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_remove_key(GstE2EESharedKeyProvider *self, guint index,
                                                 GError **error);

/**
 * gst_e2ee_shared_key_provider_set_passphrase_async:
 * @self: the provider
 * @text: passphrase, UTF-8, not empty
 * @index: key index, below #GstE2EESharedKeyProvider:keyring-size
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_shared_key_provider_set_passphrase(), without waiting: many may be under way at once.
 * The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_shared_key_provider_set_passphrase_async(GstE2EESharedKeyProvider *self,
                                                       const gchar *text, guint index,
                                                       GCancellable *cancellable,
                                                       GAsyncReadyCallback callback,
                                                       gpointer user_data);

/**
 * gst_e2ee_shared_key_provider_set_passphrase_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_shared_key_provider_set_passphrase_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_shared_key_provider_set_passphrase(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_passphrase_finish(GstE2EESharedKeyProvider *self,
                                                            GAsyncResult *result, GError **error);

/**
 * gst_e2ee_shared_key_provider_set_key_async:
 * @self: the provider
 * @bytes: at least 16 secret bytes
 * @index: key index, below #GstE2EESharedKeyProvider:keyring-size
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_shared_key_provider_set_key(), without waiting: many may be under way at once. The
 * order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_shared_key_provider_set_key_async(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                                guint index, GCancellable *cancellable,
                                                GAsyncReadyCallback callback, gpointer user_data);

/**
 * gst_e2ee_shared_key_provider_set_key_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_shared_key_provider_set_key_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_shared_key_provider_set_key(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_key_finish(GstE2EESharedKeyProvider *self,
                                                     GAsyncResult *result, GError **error);

/**
 * gst_e2ee_shared_key_provider_set_material_async:
 * @self: the provider
 * @material: (transfer none): what to derive from, with its key id and options
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_shared_key_provider_set_material(), without waiting: many may be under way at once.
 * The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_shared_key_provider_set_material_async(GstE2EESharedKeyProvider *self,
                                                     GstE2EEKeyMaterial *material,
                                                     GCancellable *cancellable,
                                                     GAsyncReadyCallback callback,
                                                     gpointer user_data);

/**
 * gst_e2ee_shared_key_provider_set_material_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_shared_key_provider_set_material_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_shared_key_provider_set_material(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_material_finish(GstE2EESharedKeyProvider *self,
                                                          GAsyncResult *result, GError **error);

/**
 * gst_e2ee_shared_key_provider_set_current_index_async:
 * @self: the provider
 * @index: a key index that holds a key
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_shared_key_provider_set_current_index(), without waiting: many may be under way at
 * once. The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_shared_key_provider_set_current_index_async(GstE2EESharedKeyProvider *self,
                                                          guint index, GCancellable *cancellable,
                                                          GAsyncReadyCallback callback,
                                                          gpointer user_data);

/**
 * gst_e2ee_shared_key_provider_set_current_index_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_shared_key_provider_set_current_index_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_shared_key_provider_set_current_index(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_shared_key_provider_set_current_index_finish(GstE2EESharedKeyProvider *self,
                                                               GAsyncResult *result,
                                                               GError **error);

G_END_DECLS
