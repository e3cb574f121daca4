/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What both elements have for scheme sframe.
#include "elementproperties.h"

namespace e2ee {

namespace {

constexpr Property kSframe[] = {
    /**
     * GstE2EEBase:sframe-suite:
     *
     * Cipher suite of scheme `sframe` by its number in IANA's registry: 1 to 5 are those of RFC
     * 9605, 6 to 8 AES-256-CTR with HMAC-SHA-512 (draft-barnes-sframe-iana-256). Suites 3 and 8,
     * with 32-bit tags, are refused for video. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframeSuite, kSetInReady, sframe_suite_property},
    /**
     * GstE2EEBase:sframe-ssrc:
     *
     * SSRC of the stream, from which scheme `sframe` derives a key of its own, as
     * draft-ietf-avtcore-rtp-sframe has it: one base key may then serve several streams. The
     * payloader needs the same `ssrc`. -1, the default, is none; e2eedecrypt then takes the one of
     * the caps if #GstE2EEBase:sframe-per-ssrc is set. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframeSsrc, kSetInReady, sframe_ssrc_property},
    /**
     * GstE2EEBase:sframe-per-ssrc:
     *
     * Derives a key for each SSRC, as #GstE2EEBase:sframe-ssrc does by itself. e2eeencrypt does not
     * start without that one. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframePerSsrc, kSetInReady, sframe_per_ssrc_property},
    /**
     * GstE2EEBase:sframe-ratchet-bits:
     *
     * How many bits of the KID, 3 to 32, are the ratchet step; those above are the key id, as RFC
     * 9605 section 5.1 has sender keys. 0, the default, leaves the KID as
     * #GstE2EEEncrypt:sframe-kid and #GstE2EEDecrypt:sframe-kid-map say. To encrypt, the base key
     * must be one that no other sender and no earlier start used. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframeRatchetBits, kSetInReady, sframe_ratchet_bits_property},
    /**
     * GstE2EEBase:nal-format:
     *
     * How the encrypted frames of H.264 and H.265 separate their NAL units with SFrame over RTP:
     * by start codes, or by lengths of four bytes. The frames in the clear are byte streams either
     * way. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kNalFormat, kSetInReady, nal_format_property},
    /**
     * GstE2EEBase:clear-header:
     *
     * Whether VP8 keeps its header readable in front of the frame with scheme `sframe`, which
     * browsers and media servers need. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kClearHeader, kSetInReady, clear_header_property},
};

}  // namespace

std::span<const Property> sframe_properties() {
  return kSframe;
}

}  // namespace e2ee
