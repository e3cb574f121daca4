/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/gste2eekeyprovider.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_DATA_CRYPTOR (gst_e2ee_data_cryptor_get_type())

GST_E2EE_API
G_DECLARE_FINAL_TYPE(GstE2EEDataCryptor, gst_e2ee_data_cryptor, GST, E2EE_DATA_CRYPTOR, GObject)

/**
 * GstE2EEDataCryptor:
 *
 * Encrypts and decrypts messages, for chat and data channels, with the keys of the media. The
 * format is LiveKit's for data: AES-GCM without additional data; IV and key index travel beside the
 * payload.
 *
 * IVs come from the source that media uses, and messages count against the same limits of a key.
 * Nothing in the format tells a message from a frame with no clear bytes (LiveKit's VP9): give data
 * a key index of its own, with #GstE2EEDataCryptor:key-index, so that a media server cannot pass
 * off one as the other.
 *
 * One object serves one participant: for messages sent, oneself; for messages received, the sender.
 * All methods may be called on any thread.
 *
 * Making an object looks up the current key and waits for it, at most three seconds. Use
 * gst_e2ee_data_cryptor_new() to learn at once what is wrong; an object that was made with
 * g_object_new() fails with the same error in each call.
 *
 * Since: 0.1
 */

/**
 * GstE2EEDataCryptor:key-provider:
 *
 * Where keys come from.
 *
 * Since: 0.1
 */

/**
 * GstE2EEDataCryptor:participant:
 *
 * Whose keys; %NULL or empty for the shared key.
 *
 * Since: 0.1
 */

/**
 * GstE2EEDataCryptor:key-index:
 *
 * Key index to encrypt with, 0 to 255; -1, the default, is the current one.
 *
 * Since: 0.1
 */

/**
 * gst_e2ee_data_cryptor_new:
 * @provider: (transfer none): where keys come from
 * @participant: (nullable): whose keys; %NULL or empty for the shared key
 * @error: return location for a #GError
 *
 * Makes a data cryptor that has its current key, where the provider answers in time.
 *
 * Returns: (transfer full): a new object, or %NULL with @error set when @provider carries an error,
 *   or needs a participant
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEDataCryptor *gst_e2ee_data_cryptor_new(GstE2EEKeyProvider *provider,
                                              const gchar *participant, GError **error);

/**
 * gst_e2ee_data_cryptor_encrypt:
 * @self: the cryptor
 * @data: a message of one byte or more
 * @payload: (out) (transfer full): the ciphertext with its tag, 16 bytes longer than @data
 * @iv: (out) (transfer full): 12 bytes that the receiver needs
 * @key_index: (out): index of the key that was used
 * @error: return location for a #GError
 *
 * Encrypts with the current key, or that of #GstE2EEDataCryptor:key-index. A key that is not there
 * is waited for as in gst_e2ee_data_cryptor_decrypt().
 *
 * Returns: (skip): %TRUE, or %FALSE with %GST_E2EE_ERROR_MISSING_KEY when there is no key now,
 *   %GST_E2EE_ERROR_LIMIT when it was used as often as AES-GCM allows,
 *   %GST_E2EE_ERROR_INVALID_OPTION for an empty message, %GST_E2EE_ERROR_CRYPTO
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_data_cryptor_encrypt(GstE2EEDataCryptor *self, GBytes *data, GBytes **payload,
                                       GBytes **iv, guint *key_index, GError **error);

/**
 * gst_e2ee_data_cryptor_decrypt:
 * @self: the cryptor
 * @payload: what came, ciphertext and tag
 * @iv: the 12 bytes that came with it
 * @key_index: the key index that came with it, 0 to 255
 * @error: return location for a #GError
 *
 * Decrypts a message. A key that is not known is asked for, which may take as long as the provider
 * does: this waits for the answer at most one second, and after a wait in vain not again for ten.
 *
 * Nothing here finds messages that were sent before and come again: put a number into them.
 *
 * Returns: (transfer full): the message, or %NULL with %GST_E2EE_ERROR_MISSING_KEY when the key
 *   is not there, %GST_E2EE_ERROR_INVALID_INDEX when there can be none, %GST_E2EE_ERROR_AUTH when
 *   the message does not verify, %GST_E2EE_ERROR_MALFORMED when the parts have the wrong length
 *
 * Since: 0.1
 */
GST_E2EE_API
GBytes *gst_e2ee_data_cryptor_decrypt(GstE2EEDataCryptor *self, GBytes *payload, GBytes *iv,
                                      guint key_index, GError **error);

G_END_DECLS
