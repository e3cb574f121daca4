/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/gste2eekeymaterial.h>

G_BEGIN_DECLS

/**
 * GstE2EEKeyProvider:
 *
 * Where keys come from; see #GstE2EEKeyProviderInterface for writing one.
 *
 * Since: 0.1
 */
#define GST_TYPE_E2EE_KEY_PROVIDER (gst_e2ee_key_provider_get_type())

GST_E2EE_API
G_DECLARE_INTERFACE(GstE2EEKeyProvider, gst_e2ee_key_provider, GST, E2EE_KEY_PROVIDER, GObject)

/**
 * GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE:
 *
 * Type of the #GstContext through which elements without a `key-provider` of their own ask for
 * one. Make it with gst_e2ee_context_new_key_provider().
 *
 * Since: 0.1
 */
#define GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE "gst.e2ee.key-provider"

/**
 * GST_E2EE_ALL_KEYS: (value 18446744073709551615) (type guint64)
 *
 * As a key id: all keys of a participant.
 *
 * Since: 0.1
 */
#define GST_E2EE_ALL_KEYS ((guint64) -1)

/**
 * GstE2EEKeyProviderInterface:
 * @parent: parent
 * @lookup_current: what @participant encrypts with now
 * @lookup: what decrypts frames that name this key id
 * @ratcheted: optional: a received frame proved that a sender has ratcheted
 *
 * Where keys come from. Applications implement it, also in Python; the library derives, caches and
 * ratchets what it hands out.
 *
 * All of these are called on a worker thread of the library, one at a time for each provider, and
 * never on a streaming thread: they may block. %NULL, with or without an error, means that there
 * is no such key now; call gst_e2ee_key_provider_changed() when there is one.
 *
 * Since: 0.1
 */
struct _GstE2EEKeyProviderInterface {
  GTypeInterface parent;

  /**
   * GstE2EEKeyProviderInterface::lookup_current:
   * @provider: the provider
   * @participant: (nullable): identity, %NULL for the shared key
   * @error: return location for a #GError
   *
   * Says what to encrypt with now.
   *
   * Returns: (transfer full) (nullable): material of the current key
   *
   * Since: 0.1
   */
  GstE2EEKeyMaterial *(*lookup_current)(GstE2EEKeyProvider *provider, const gchar *participant,
                                        GError **error);

  /**
   * GstE2EEKeyProviderInterface::lookup:
   * @provider: the provider
   * @participant: (nullable): identity, %NULL for the shared key
   * @key_id: key index of the trailer, or SFrame's key id
   * @error: return location for a #GError
   *
   * Says what decrypts frames that name @key_id.
   *
   * Returns: (transfer full) (nullable): material of this key
   *
   * Since: 0.1
   */
  GstE2EEKeyMaterial *(*lookup)(GstE2EEKeyProvider *provider, const gchar *participant,
                                guint64 key_id, GError **error);

  /**
   * GstE2EEKeyProviderInterface::ratcheted:
   * @provider: the provider
   * @participant: (nullable): identity, %NULL for the shared key
   * @key_id: the key that moved
   * @generation: its generation now
   * @material: material of that generation, to look up from now on
   *
   * Optional: a received frame proved that its sender has ratcheted.
   *
   * Since: 0.1
   */
  void (*ratcheted)(GstE2EEKeyProvider *provider, const gchar *participant, guint64 key_id,
                    guint64 generation, GstE2EEKeyMaterial *material);

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

/**
 * gst_e2ee_key_provider_lookup_current:
 * @provider: the provider
 * @participant: (nullable): identity, %NULL for the shared key
 * @error: return location for a #GError
 *
 * Asks the provider what to encrypt with, on the calling thread. May block as long as the provider
 * does. Its bytes can be read only if they are exportable.
 *
 * Returns: (transfer full) (nullable): material of the current key, or %NULL with or without an
 *   error when there is none now
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_key_provider_lookup_current(GstE2EEKeyProvider *provider,
                                                         const gchar *participant, GError **error);

/**
 * gst_e2ee_key_provider_lookup:
 * @provider: the provider
 * @participant: (nullable): identity, %NULL for the shared key
 * @key_id: key index of the trailer, or SFrame's key id; not %GST_E2EE_ALL_KEYS
 * @error: return location for a #GError
 *
 * As gst_e2ee_key_provider_lookup_current(), for what decrypts frames that name @key_id.
 *
 * Returns: (transfer full) (nullable): material of this key, or %NULL with or without an error when
 *   there is none now
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyMaterial *gst_e2ee_key_provider_lookup(GstE2EEKeyProvider *provider,
                                                 const gchar *participant, guint64 key_id,
                                                 GError **error);

/* For implementers ------------------------------------------------------------------------- */

/**
 * gst_e2ee_key_provider_changed:
 * @provider: the provider
 * @participant: (nullable): identity, %NULL for the shared key
 * @key_id: the key that is new or different, not %GST_E2EE_ALL_KEYS; also call this for the new
 *   current key after the current one changed
 *
 * For implementers: says that look-ups would now give something else. The library looks up again
 * on a worker; this returns at once, on any thread. Emits #GstE2EEKeyProvider::key-changed.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_key_provider_changed(GstE2EEKeyProvider *provider, const gchar *participant,
                                   guint64 key_id);

/**
 * gst_e2ee_key_provider_removed:
 * @provider: the provider
 * @participant: (nullable): identity, %NULL for the shared key
 * @key_id: the key that is gone, or %GST_E2EE_ALL_KEYS
 *
 * For implementers: withdraws a key. When this returns, no frame is encrypted or decrypted with it
 * any more, and its derived forms are wiped. Emits #GstE2EEKeyProvider::key-removed.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_key_provider_removed(GstE2EEKeyProvider *provider, const gchar *participant,
                                   guint64 key_id);

/* For everyone ----------------------------------------------------------------------------- */

/**
 * gst_e2ee_key_provider_get_fingerprint:
 * @provider: the provider
 * @participant: (nullable): identity, %NULL for the shared key
 * @key_id: the key
 *
 * 80 bits for people to compare, as groups of hex digits. They tell nothing of the key, and differ
 * between schemes, key ids, generations and identities.
 *
 * Returns: (transfer full) (nullable): the fingerprint, or %NULL while no element has had this key
 *   derived
 *
 * Since: 0.1
 */
GST_E2EE_API
gchar *gst_e2ee_key_provider_get_fingerprint(GstE2EEKeyProvider *provider, const gchar *participant,
                                             guint64 key_id);

/**
 * gst_e2ee_key_provider_sync:
 * @provider: the provider
 *
 * Waits until listeners have been told of everything that happened up to now. For audit: once the
 * elements have stopped and this has returned, there is no #GstE2EEKeyProvider::key-used to come.
 * A look-up or a handler that takes more than two seconds ends the wait early, and so does half a
 * minute: listeners are told when it is over.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_key_provider_sync(GstE2EEKeyProvider *provider);

/**
 * gst_e2ee_key_provider_check:
 * @provider: the provider
 * @error: return location for a #GError
 *
 * Whether the provider could be configured. One that was made from a string with a mistake in it
 * exists, hands out nothing and fails here.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_provider_check(GstE2EEKeyProvider *provider, GError **error);

/**
 * gst_e2ee_key_provider_new_from_string:
 * @text: kind first, then `field=value` separated by commas, for example
 *   `shared,passphrase-file=/run/secrets/meeting`
 * @error: return location for a #GError
 *
 * Makes the provider that @text describes, or returns the living one that was made from the same
 * text and, where that names a file, from what the file holds now.
 *
 * Returns: (transfer full): a provider, or %NULL with @error set; the error names field and file,
 *   says what to write instead, and never shows a secret
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyProvider *gst_e2ee_key_provider_new_from_string(const gchar *text, GError **error);

/**
 * gst_e2ee_key_provider_reread:
 * @provider: the provider
 * @error: return location for a #GError
 *
 * What an element does with its provider when it goes from NULL to READY: reads the file again that
 * the text of the provider names. If it holds something else now, the provider that is returned was
 * made of that; @provider itself, and whatever uses it, goes on as it was. What @provider knew of
 * participants who encrypt passes to the other.
 *
 * Returns @provider when nothing has changed, the file cannot be read, there is none, or
 * `watch=true` follows it.
 *
 * Returns: (transfer full): a provider, or %NULL with @error set when what the file holds is no key
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyProvider *gst_e2ee_key_provider_reread(GstE2EEKeyProvider *provider, GError **error);

/**
 * GstE2EEKeyProviderMakeFunc:
 * @kind: the kind asked for
 * @fields: field names and string values, already unquoted
 * @user_data: as given at registration
 * @error: return location for a #GError that names the field and never its value
 *
 * Makes a provider of a registered kind.
 *
 * Returns: (transfer full): a provider, or %NULL with @error set
 *
 * Since: 0.1
 */
typedef GstE2EEKeyProvider *(*GstE2EEKeyProviderMakeFunc)(const gchar *kind, GHashTable *fields,
                                                          gpointer user_data, GError **error);

/**
 * gst_e2ee_key_provider_register_kind:
 * @kind: first word of the string form, for example `pkcs11`
 * @fields: (array zero-terminated=1): names of the fields that it takes
 * @make: (scope notified) (closure user_data) (destroy notify): makes one
 * @user_data: for @make
 * @notify: (nullable): frees @user_data
 *
 * Adds a kind to the string form of providers. Kinds stay registered.
 *
 * Returns: %FALSE when @kind is taken
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_key_provider_register_kind(const gchar *kind, const gchar *const *fields,
                                             GstE2EEKeyProviderMakeFunc make, gpointer user_data,
                                             GDestroyNotify notify);

/**
 * gst_e2ee_key_provider_register_value:
 *
 * Teaches GStreamer to read a provider from text, so that `key-provider="shared,..."` works on a
 * launch line. The plugin does it when it is loaded.
 *
 * Since: 0.1
 */
GST_E2EE_API
void gst_e2ee_key_provider_register_value(void);

/**
 * gst_e2ee_context_new_key_provider:
 * @provider: the provider
 *
 * For one provider that serves a whole pipeline.
 *
 * Returns: (transfer full): a context that hands @provider to all elements of a pipeline; give it
 *   to gst_element_set_context()
 *
 * Since: 0.1
 */
GST_E2EE_API
GstContext *gst_e2ee_context_new_key_provider(GstE2EEKeyProvider *provider);

/**
 * gst_e2ee_context_get_key_provider:
 * @context: a context
 *
 * Finds the provider in a context of type %GST_E2EE_KEY_PROVIDER_CONTEXT_TYPE.
 *
 * Returns: (transfer full) (nullable): its provider; %NULL when it is of another type
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEKeyProvider *gst_e2ee_context_get_key_provider(GstContext *context);

G_END_DECLS
