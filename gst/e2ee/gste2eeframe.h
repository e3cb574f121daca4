/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee-enums.h>

G_BEGIN_DECLS

/**
 * gst_e2ee_peek_frame:
 * @scheme: how frames are encrypted
 * @media_type: name of the frame's caps, for example `video/x-vp8`
 * @clear_header: as on the element that decrypts; counts for %GST_E2EE_SCHEME_SFRAME alone
 * @frame: one encrypted frame; H.264 and H.265 as byte stream, with
 *   %GST_E2EE_SCHEME_SFRAME they and AV1 as SFrame over RTP carries them
 * @key_id: (out) (optional): key index, or SFrame's KID
 * @iv: (out) (optional) (transfer full): its IV, 12 bytes; with SFrame KID and counter, 8 bytes
 *   each, most significant byte first
 *
 * Looks at an encrypted frame without a key, for recorders that hold none and for finding IVs that
 * were used twice. Nothing of what it tells is verified. Bytes that anyone can write may look like
 * a frame, and any bytes are a frame of SFrame's whose first bytes are a header.
 *
 * Returns: %TRUE, or %FALSE for a frame that is not laid out like one of @scheme, for a codec that
 *   it does not carry, and for values that the enums do not have
 *
 * Since: 0.1
 */
GST_E2EE_API
gboolean gst_e2ee_peek_frame(GstE2EEScheme scheme, const gchar *media_type,
                             GstE2EEClearHeader clear_header, GstBuffer *frame, guint64 *key_id,
                             GBytes **iv);

G_END_DECLS
