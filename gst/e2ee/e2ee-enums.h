/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee-prelude.h>

G_BEGIN_DECLS

/**
 * GstE2EEScheme:
 * @GST_E2EE_SCHEME_LIVEKIT: LiveKit's frame encryption
 * @GST_E2EE_SCHEME_REALTIMEKIT: Cloudflare RealtimeKit's
 * @GST_E2EE_SCHEME_JITSI: Jitsi's
 * @GST_E2EE_SCHEME_SFRAME: SFrame, RFC 9605
 *
 * Wire format and key schedule of encrypted frames.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_SCHEME_LIVEKIT,
  GST_E2EE_SCHEME_REALTIMEKIT,
  GST_E2EE_SCHEME_JITSI,
  GST_E2EE_SCHEME_SFRAME,
} GstE2EEScheme;

#define GST_TYPE_E2EE_SCHEME (gst_e2ee_scheme_get_type())

GST_E2EE_API
GType gst_e2ee_scheme_get_type(void);

/**
 * GstE2EEKdf:
 * @GST_E2EE_KDF_AUTO: PBKDF2 for passphrases, HKDF for raw bytes
 * @GST_E2EE_KDF_PBKDF2: PBKDF2-HMAC-SHA256; LiveKit's native clients use it for raw bytes too
 * @GST_E2EE_KDF_HKDF: HKDF-SHA256
 *
 * How a key is derived from its material.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_KDF_AUTO,
  GST_E2EE_KDF_PBKDF2,
  GST_E2EE_KDF_HKDF,
} GstE2EEKdf;

#define GST_TYPE_E2EE_KDF (gst_e2ee_kdf_get_type())

GST_E2EE_API
GType gst_e2ee_kdf_get_type(void);

/**
 * GstE2EESFrameKidMap:
 * @GST_E2EE_SFRAME_KID_MAP_PROFILE: 56 drawn bits, key index, ratchet step
 * @GST_E2EE_SFRAME_KID_MAP_PLAIN: the KID is the key id
 *
 * What a received SFrame KID means.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_SFRAME_KID_MAP_PROFILE,
  GST_E2EE_SFRAME_KID_MAP_PLAIN,
} GstE2EESFrameKidMap;

#define GST_TYPE_E2EE_SFRAME_KID_MAP (gst_e2ee_sframe_kid_map_get_type())

GST_E2EE_API
GType gst_e2ee_sframe_kid_map_get_type(void);

/**
 * GstE2EEClearHeader:
 * @GST_E2EE_CLEAR_HEADER_SCHEME: what the scheme leaves in the clear
 * @GST_E2EE_CLEAR_HEADER_NONE: nothing: pure RFC 9605 frames
 *
 * Which codec bytes stay readable in front of an SFrame frame.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_CLEAR_HEADER_SCHEME,
  GST_E2EE_CLEAR_HEADER_NONE,
} GstE2EEClearHeader;

#define GST_TYPE_E2EE_CLEAR_HEADER (gst_e2ee_clear_header_get_type())

GST_E2EE_API
GType gst_e2ee_clear_header_get_type(void);

/**
 * GstE2EENalFormat:
 * @GST_E2EE_NAL_FORMAT_BYTE_STREAM: start codes, Annex B of H.264 and H.265
 * @GST_E2EE_NAL_FORMAT_LENGTH4: the length of each NAL unit in four bytes, big endian
 *
 * How the plaintext of SFrame over RTP separates NAL units.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_NAL_FORMAT_BYTE_STREAM,
  GST_E2EE_NAL_FORMAT_LENGTH4,
} GstE2EENalFormat;

#define GST_TYPE_E2EE_NAL_FORMAT (gst_e2ee_nal_format_get_type())

GST_E2EE_API
GType gst_e2ee_nal_format_get_type(void);

/**
 * GstE2EEServerFrames:
 * @GST_E2EE_SERVER_FRAMES_DROP: drop them
 * @GST_E2EE_SERVER_FRAMES_KNOWN: pass the published filler payloads only
 * @GST_E2EE_SERVER_FRAMES_PASS: pass any frame that ends with the announced trailer
 *
 * What to do with frames that the media server injects in the clear.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_SERVER_FRAMES_DROP,
  GST_E2EE_SERVER_FRAMES_KNOWN,
  GST_E2EE_SERVER_FRAMES_PASS,
} GstE2EEServerFrames;

#define GST_TYPE_E2EE_SERVER_FRAMES (gst_e2ee_server_frames_get_type())

GST_E2EE_API
GType gst_e2ee_server_frames_get_type(void);

/**
 * GstE2EEError:
 * @GST_E2EE_ERROR_INVALID_KEY: an empty passphrase, a raw key under 16 bytes
 * @GST_E2EE_ERROR_INVALID_INDEX: a key index outside the key ring
 * @GST_E2EE_ERROR_INVALID_OPTION: an option that does not exist or does not fit
 * @GST_E2EE_ERROR_NOT_FOUND: no such participant, key or provider kind
 * @GST_E2EE_ERROR_IO: a file or descriptor that cannot be read
 * @GST_E2EE_ERROR_PARSE: a string or file that cannot be understood
 * @GST_E2EE_ERROR_CRYPTO: the cipher, a derivation or the random generator failed
 * @GST_E2EE_ERROR_LIMIT: more of something than is allowed
 * @GST_E2EE_ERROR_MISSING_KEY: there is no key for the frame or message now
 * @GST_E2EE_ERROR_AUTH: the frame or message does not verify: the key is another one, or it was
 *   changed
 * @GST_E2EE_ERROR_MALFORMED: this is no frame of the scheme and codec, or no message
 * @GST_E2EE_ERROR_REPLAYED: the frame was accepted before
 * @GST_E2EE_ERROR_UNSUPPORTED: the scheme does not carry such frames
 *
 * Codes of the domain %GST_E2EE_ERROR. Messages say what to do and never contain a secret.
 *
 * Since: 0.1
 */
typedef enum {
  GST_E2EE_ERROR_INVALID_KEY,
  GST_E2EE_ERROR_INVALID_INDEX,
  GST_E2EE_ERROR_INVALID_OPTION,
  GST_E2EE_ERROR_NOT_FOUND,
  GST_E2EE_ERROR_IO,
  GST_E2EE_ERROR_PARSE,
  GST_E2EE_ERROR_CRYPTO,
  GST_E2EE_ERROR_LIMIT,
  GST_E2EE_ERROR_MISSING_KEY,
  GST_E2EE_ERROR_AUTH,
  GST_E2EE_ERROR_MALFORMED,
  GST_E2EE_ERROR_REPLAYED,
  GST_E2EE_ERROR_UNSUPPORTED,
} GstE2EEError;

#define GST_TYPE_E2EE_ERROR (gst_e2ee_error_get_type())

GST_E2EE_API
GType gst_e2ee_error_get_type(void);

/**
 * GST_E2EE_ERROR:
 *
 * Error domain of the library.
 *
 * Since: 0.1
 */
#define GST_E2EE_ERROR (gst_e2ee_error_quark())

/**
 * gst_e2ee_error_quark:
 *
 * Use %GST_E2EE_ERROR.
 *
 * Returns: the error domain of the library
 *
 * Since: 0.1
 */
GST_E2EE_API
GQuark gst_e2ee_error_quark(void);

G_END_DECLS
