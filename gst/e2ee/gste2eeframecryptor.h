/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/gste2eekeyprovider.h>

G_BEGIN_DECLS

#define GST_TYPE_E2EE_FRAME_CRYPTOR (gst_e2ee_frame_cryptor_get_type())

GST_E2EE_API
G_DECLARE_FINAL_TYPE(GstE2EEFrameCryptor, gst_e2ee_frame_cryptor, GST, E2EE_FRAME_CRYPTOR, GObject)

/**
 * GstE2EEFrameCryptor:
 *
 * Encrypts and decrypts encoded frames without a pipeline, for bots, clients of media servers and
 * tools with a media path of their own. It does to one buffer what the elements e2eeencrypt and
 * e2eedecrypt do, byte for byte.
 *
 * One object serves one participant: for frames sent, oneself; for frames received, the sender. A
 * stream has an object of its own, since the parameter sets of H.264 and H.265 and the replay
 * window belong to a stream. All methods may be called on any thread.
 *
 * The properties can be set when the object is made only. What does not fit together is said by
 * gst_e2ee_frame_cryptor_set_caps() and gst_e2ee_frame_cryptor_prepare().
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:key-provider:
 *
 * Where keys come from.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:scheme:
 *
 * Wire format and key schedule; both ends must use the same.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:participant:
 *
 * Identity whose key is used; %NULL or empty for the shared key.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-suite:
 *
 * Cipher suite of %GST_E2EE_SCHEME_SFRAME by its number in IANA's registry, 1 to
 * 8. Suites 3 and 8, with 32-bit tags, are refused for video.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-kid:
 *
 * An explicit KID to encrypt with, for applications that guarantee a base key which no other
 * sender and no earlier start used; %G_MAXUINT64, the default, has one drawn.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-kid-map:
 *
 * How the KID of a frame to decrypt names its key.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-ssrc:
 *
 * SSRC of the stream, from which %GST_E2EE_SCHEME_SFRAME derives keys of its own
 * (draft-ietf-avtcore-rtp-sframe); -1, the default, is none.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-per-ssrc:
 *
 * Derives keys for each SSRC without #GstE2EEFrameCryptor:sframe-ssrc, from the field `ssrc` of
 * the caps. Only to decrypt.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:sframe-ratchet-bits:
 *
 * How many bits of the KID, 3 to 32, are the ratchet step; those above are the key id. 0, the
 * default, leaves the KID as #GstE2EEFrameCryptor:sframe-kid and
 * #GstE2EEFrameCryptor:sframe-kid-map say.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:nal-format:
 *
 * How encrypted frames of H.264 and H.265 separate their NAL units with SFrame over RTP, which
 * caps with the field `e2ee=(string)sframe-rtp` ask for.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:clear-header:
 *
 * Whether VP8 keeps its header readable under %GST_E2EE_SCHEME_SFRAME.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:replay-window:
 *
 * How many accepted frames are remembered, to refuse those that come again; 0, the default, is
 * none.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:server-frames:
 *
 * What becomes of frames that the media server makes in the clear: they fail, or pass with a
 * #GstE2EEUnprotectedMeta.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:server-trailer:
 *
 * Trailer by which such frames are recognised, in hex digits, at least 7 bytes; %NULL is that of
 * the scheme.
 *
 * Since: 0.1
 */

/**
 * GstE2EEFrameCryptor:stats:
 *
 * Frames and bytes since the object was made, in both directions, frames that failed by reason,
 * and id, generation, fingerprint and AES back end of the key in use, as the elements have them.
 *
 * Since: 0.1
 */

/**
 * gst_e2ee_frame_cryptor_new:
 * @provider: (transfer none): where keys come from
 * @scheme: wire format and key schedule; both ends must use the same
 * @participant: (nullable): whose keys; %NULL for the shared key
 *
 * Has the keys of @participant looked up, and does not wait for that.
 *
 * Returns: (transfer full): a new object
 *
 * Since: 0.1
 */
GST_E2EE_API
GstE2EEFrameCryptor *gst_e2ee_frame_cryptor_new(GstE2EEKeyProvider *provider, GstE2EEScheme scheme,
                                                const gchar *participant);

/**
 * gst_e2ee_frame_cryptor_set_caps:
 * @self: the cryptor
 * @caps: of the buffers that go into gst_e2ee_frame_cryptor_encrypt() or
 *   gst_e2ee_frame_cryptor_decrypt() from now on
 * @encrypted: (out) (optional) (transfer full): of what gst_e2ee_frame_cryptor_encrypt() gives then
 * @decrypted: (out) (optional) (transfer full): of what gst_e2ee_frame_cryptor_decrypt() gives then
 * @error: return location for a #GError
 *
 * Says what codec the frames are of. Both results are @caps but for H.264 and H.265: encrypted
 * frames have lengths in front of NAL units (`avc`, `hvc1`) and all parameter sets in the frames,
 * decrypted ones are byte streams. An object that is to decrypt what it has encrypted itself is
 * given @encrypted in between.
 *
 * Returns: (skip): %TRUE, or %FALSE with %GST_E2EE_ERROR_UNSUPPORTED for a codec that the scheme
 *   does not carry, %GST_E2EE_ERROR_PARSE for a codec_data that cannot be read, and what the
 *   properties have that does not fit together
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_frame_cryptor_set_caps(GstE2EEFrameCryptor *self, GstCaps *caps,
                                         GstCaps **encrypted, GstCaps **decrypted, GError **error);

/**
 * gst_e2ee_frame_cryptor_prepare:
 * @self: the cryptor
 * @timeout: in nanoseconds; an hour at most
 * @error: return location for a #GError
 *
 * Waits until the participant has a key, and those that were set are derived, so that the first
 * frame finds its key. Frames can be encrypted and decrypted without it; they fail while their key
 * is not there.
 *
 * Returns: (skip): %TRUE, or %FALSE with %GST_E2EE_ERROR_MISSING_KEY when no key came in time, and
 *   what the properties have that does not fit together
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_frame_cryptor_prepare(GstE2EEFrameCryptor *self, GstClockTime timeout,
                                        GError **error);

/**
 * gst_e2ee_frame_cryptor_encrypt:
 * @self: the cryptor
 * @buffer: (transfer full): one frame
 * @error: return location for a #GError
 *
 * Encrypts a frame with the current key. Times, flags and metas stay; video gets a
 * #GstE2EEFrameMeta. An empty buffer stays as it is. Does not wait: without a key the frame fails.
 *
 * Parameter sets of H.264 and H.265 that come in a buffer of their own are kept, and put into the
 * next key frame.
 *
 * Returns: (transfer full) (nullable): the encrypted frame; %NULL without @error set when the
 *   buffer was kept for the next one; %NULL with %GST_E2EE_ERROR_MISSING_KEY,
 *   %GST_E2EE_ERROR_LIMIT, %GST_E2EE_ERROR_MALFORMED, %GST_E2EE_ERROR_UNSUPPORTED,
 *   %GST_E2EE_ERROR_CRYPTO, or what the properties have that does not fit together
 *
 * Since: 0.1
 */
GST_E2EE_API
GstBuffer *gst_e2ee_frame_cryptor_encrypt(GstE2EEFrameCryptor *self, GstBuffer *buffer,
                                          GError **error);

/**
 * gst_e2ee_frame_cryptor_decrypt:
 * @self: the cryptor
 * @buffer: (transfer full): one encrypted frame
 * @error: return location for a #GError
 *
 * Decrypts a frame. Times, flags and metas stay. An empty buffer stays as it is. Does not wait: a
 * key that is not known is asked for, and the same frame may be tried again when
 * #GstE2EEKeyProvider has it; give a copy of the buffer for that.
 *
 * Once the removal of a key has returned, no frame is decrypted with it.
 *
 * Returns: (transfer full): the frame, or %NULL with %GST_E2EE_ERROR_MISSING_KEY,
 *   %GST_E2EE_ERROR_AUTH, %GST_E2EE_ERROR_MALFORMED, %GST_E2EE_ERROR_REPLAYED,
 *   %GST_E2EE_ERROR_UNSUPPORTED, %GST_E2EE_ERROR_CRYPTO, or what the properties have that does not
 *   fit together
 *
 * Since: 0.1
 */
GST_E2EE_API
GstBuffer *gst_e2ee_frame_cryptor_decrypt(GstE2EEFrameCryptor *self, GstBuffer *buffer,
                                          GError **error);

G_END_DECLS
