/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/e2ee/gste2eekeyprovider.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_PARTICIPANT_KEY_PROVIDER (gst_e2ee_participant_key_provider_get_type())

GST_E2EE_API
G_DECLARE_FINAL_TYPE(GstE2EEParticipantKeyProvider, gst_e2ee_participant_key_provider, GST,
                     E2EE_PARTICIPANT_KEY_PROVIDER, GObject)

/**
 * GstE2EEParticipantKeyProvider:
 *
 * A key ring for each identity. Elements name theirs with the property `participant`; a frame that
 * verifies under Alice's key came from someone who has Alice's key. All methods may be called on
 * any thread. A setter returns once the elements that are running have the derived key, so that the
 * next frame uses it; it must therefore not be called on a streaming thread that has to keep time.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:keyring-size:
 *
 * As #GstE2EESharedKeyProvider:keyring-size.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:key-size:
 *
 * As #GstE2EESharedKeyProvider:key-size.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:kdf:
 *
 * As #GstE2EESharedKeyProvider:kdf.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:ratchet-salt:
 *
 * As #GstE2EESharedKeyProvider:ratchet-salt.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:ratchet-window:
 *
 * How many ratchet steps a receiver looks ahead when a frame does not verify, 0 to 64, for keys
 * that are set afterwards. Default 8.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:failure-tolerance:
 *
 * As #GstE2EESharedKeyProvider:failure-tolerance.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:exportable:
 *
 * As #GstE2EESharedKeyProvider:exportable.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:ratchet-interval:
 *
 * Nanoseconds, at least 10 ms, after which a participant who sends here ratchets its current key;
 * 0, the default, is never.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:ratchet-frames:
 *
 * Frames, audio and video together, after which a participant who sends here ratchets its current
 * key; 0, the default, is never.
 *
 * Since: 0.1
 */

/**
 * GstE2EEParticipantKeyProvider:keys-file:
 *
 * The file that gst_e2ee_participant_key_provider_load_keys_file() was last called with, whether it
 * could be read or not; %NULL before that. For applications that watch the file and load it again.
 *
 * Since: 0.1
 */

/**
 * gst_e2ee_participant_key_provider_new:
 *
 * Makes a provider; set its properties before its keys.
 *
 * Returns: (transfer full): a provider without participants
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEParticipantKeyProvider *gst_e2ee_participant_key_provider_new(void);

/**
 * gst_e2ee_participant_key_provider_set_passphrase:
 * @self: the provider
 * @participant: identity, not empty
 * @text: passphrase, UTF-8, not empty
 * @index: key index, below #GstE2EEParticipantKeyProvider:keyring-size
 * @error: return location for a #GError
 *
 * Puts a key into the ring of @participant. The first one becomes current; to start encrypting with
 * a later one call gst_e2ee_participant_key_provider_set_current_index() once everyone has it.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_KEY, %GST_E2EE_ERROR_INVALID_INDEX or
 *   %GST_E2EE_ERROR_INVALID_OPTION
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_passphrase(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *participant,
                                                          const gchar *text, guint index,
                                                          GError **error);

/**
 * gst_e2ee_participant_key_provider_set_key:
 * @self: the provider
 * @participant: identity, not empty
 * @bytes: at least 16 secret bytes
 * @index: key index, below #GstE2EEParticipantKeyProvider:keyring-size
 * @error: return location for a #GError
 *
 * As gst_e2ee_participant_key_provider_set_passphrase(), from raw bytes.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_key(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, GBytes *bytes,
                                                   guint index, GError **error);

/**
 * gst_e2ee_participant_key_provider_set_material:
 * @self: the provider
 * @participant: identity, not empty
 * @material: (transfer none): what to derive from, with its key id, generation and options
 * @error: return location for a #GError
 *
 * As gst_e2ee_participant_key_provider_set_key(), with the derivation's options in @material, for
 * example ratcheted material of generation 7 for one who joins late. Options that it leaves open
 * are taken from the provider's properties.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_material(GstE2EEParticipantKeyProvider *self,
                                                        const gchar *participant,
                                                        GstE2EEKeyMaterial *material,
                                                        GError **error);

/**
 * gst_e2ee_participant_key_provider_get_material:
 * @self: the provider
 * @participant: identity
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * A key at its present generation, to hand on to someone who joins late.
 *
 * Returns: (transfer full): its material, or %NULL with %GST_E2EE_ERROR_INVALID_OPTION unless
 *   #GstE2EEParticipantKeyProvider:exportable was set before the key
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_participant_key_provider_get_material(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, guint index, GError **error);

/**
 * gst_e2ee_participant_key_provider_set_current_index:
 * @self: the provider
 * @participant: identity
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
gboolean gst_e2ee_participant_key_provider_set_current_index(GstE2EEParticipantKeyProvider *self,
                                                             const gchar *participant, guint index,
                                                             GError **error);

/**
 * gst_e2ee_participant_key_provider_ratchet:
 * @self: the provider
 * @participant: identity
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * Moves a key one generation forward; receivers that look ahead follow on their own. It shuts
 * nobody out who had the key: only a new key does. Emits #GstE2EEKeyProvider::key-ratcheted.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_INVALID_INDEX or %GST_E2EE_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_ratchet(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, guint index,
                                                   GError **error);

/**
 * gst_e2ee_participant_key_provider_remove_key:
 * @self: the provider
 * @participant: identity
 * @index: a key index that holds a key
 * @error: return location for a #GError
 *
 * Takes one key of a participant away. When this returns no frame is encrypted or decrypted with
 * it.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_remove_key(GstE2EEParticipantKeyProvider *self,
                                                      const gchar *participant, guint index,
                                                      GError **error);

/**
 * gst_e2ee_participant_key_provider_remove:
 * @self: the provider
 * @participant: identity
 * @error: return location for a #GError
 *
 * Takes all keys of a participant away. When this returns no frame of theirs is decrypted or pushed
 * any more, not even one that was held for a late key.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_NOT_FOUND
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_remove(GstE2EEParticipantKeyProvider *self,
                                                  const gchar *participant, GError **error);

/**
 * gst_e2ee_participant_key_provider_load_keys_file:
 * @self: the provider
 * @path: (type filename): a keys.ini file
 * @error: return location for a #GError
 *
 * Sets the keys of a file, and takes away participants and keys that an earlier file had and this
 * one has not; those that were set by call stay. A participant who has no key left is told with
 * %GST_E2EE_ALL_KEYS in #GstE2EEKeyProvider::key-removed. A group is a participant: `identity`
 * (default: the group's name), `passphrase` or `key` (hex digits), `index` (default 0),
 * `passphrase.3` or `key.3` for further indices, `current`. A file with a mistake changes nothing.
 * Returns when running elements have the keys; called in a handler of the provider's own signals it
 * does not wait.
 *
 * Returns: %TRUE, or %FALSE with %GST_E2EE_ERROR_IO or %GST_E2EE_ERROR_PARSE; the error names file,
 *   group and key, and never a value
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_load_keys_file(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *path, GError **error);

/**
 * gst_e2ee_participant_key_provider_get_participants:
 * @self: the provider
 *
 * Lists who has keys.
 *
 * Returns: (transfer full) (array zero-terminated=1): the identities that have a key, sorted; free
 *   them with g_strfreev()
 *
 * Since: 0.1
 */
GST_E2EE_API
gchar **gst_e2ee_participant_key_provider_get_participants(GstE2EEParticipantKeyProvider *self);

/**
 * gst_e2ee_participant_key_provider_set_passphrase_async:
 * @self: the provider
 * @participant: identity, not empty
 * @text: passphrase, UTF-8, not empty
 * @index: key index, below #GstE2EEParticipantKeyProvider:keyring-size
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_participant_key_provider_set_passphrase(), without waiting: many may be under way at
 * once. The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_participant_key_provider_set_passphrase_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, const gchar *text, guint index,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * gst_e2ee_participant_key_provider_set_passphrase_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_participant_key_provider_set_passphrase_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_participant_key_provider_set_passphrase(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_passphrase_finish(
    GstE2EEParticipantKeyProvider *self, GAsyncResult *result, GError **error);

/**
 * gst_e2ee_participant_key_provider_set_key_async:
 * @self: the provider
 * @participant: identity, not empty
 * @bytes: at least 16 secret bytes
 * @index: key index, below #GstE2EEParticipantKeyProvider:keyring-size
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_participant_key_provider_set_key(), without waiting: many may be under way at once.
 * The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_participant_key_provider_set_key_async(GstE2EEParticipantKeyProvider *self,
                                                     const gchar *participant, GBytes *bytes,
                                                     guint index, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback,
                                                     gpointer user_data);

/**
 * gst_e2ee_participant_key_provider_set_key_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_participant_key_provider_set_key_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_participant_key_provider_set_key(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_key_finish(GstE2EEParticipantKeyProvider *self,
                                                          GAsyncResult *result, GError **error);

/**
 * gst_e2ee_participant_key_provider_set_material_async:
 * @self: the provider
 * @participant: identity, not empty
 * @material: (transfer none): what to derive from, with its key id and options
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_participant_key_provider_set_material(), without waiting: many may be under way at
 * once. The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_participant_key_provider_set_material_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, GstE2EEKeyMaterial *material,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * gst_e2ee_participant_key_provider_set_material_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_participant_key_provider_set_material_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of gst_e2ee_participant_key_provider_set_material(),
 *   or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_material_finish(GstE2EEParticipantKeyProvider *self,
                                                               GAsyncResult *result,
                                                               GError **error);

/**
 * gst_e2ee_participant_key_provider_set_current_index_async:
 * @self: the provider
 * @participant: identity, not empty
 * @index: a key index that holds a key
 * @cancellable: (nullable): lets the callback come with %G_IO_ERROR_CANCELLED; what was set stays
 * @callback: (scope async) (closure user_data) (nullable): told in the caller's main context
 * @user_data: for @callback
 *
 * As gst_e2ee_participant_key_provider_set_current_index(), without waiting: many may be under way
 * at once. The order in which keys of one index are set is kept.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_participant_key_provider_set_current_index_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, guint index,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * gst_e2ee_participant_key_provider_set_current_index_finish:
 * @self: the provider
 * @result: what the callback was given
 * @error: return location for a #GError
 *
 * The end of gst_e2ee_participant_key_provider_set_current_index_async().
 *
 * Returns: %TRUE, or %FALSE with the errors of
 * gst_e2ee_participant_key_provider_set_current_index(), or %G_IO_ERROR_CANCELLED
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_participant_key_provider_set_current_index_finish(
    GstE2EEParticipantKeyProvider *self, GAsyncResult *result, GError **error);

G_END_DECLS
