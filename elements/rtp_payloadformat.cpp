/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_payloadformat.h"

#include "rtp_format.h"

namespace e2ee::rtp {

/**
 * GstRtpE2EEPayloadFormat:
 * @codec: the payload format of the codec: VP8 (RFC 7741), VP9 (RFC 9628), Opus (RFC 7587)
 * @sframe: SFrame over RTP (draft-ietf-avtcore-rtp-sframe), the same for all codecs
 *
 * How frames are laid out in RTP packets.
 *
 * Since: 0.1
 */
GType payload_format_get_type() {
  static const GEnumValue formats[] = {
      {static_cast<int>(PayloadFormat::Codec), "The codec's own", "codec"},
      {static_cast<int>(PayloadFormat::SFrame), "SFrame over RTP", "sframe"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstRtpE2EEPayloadFormat", formats);
  return type;
}

GParamSpec *payload_format_property(GParamFlags flags) {
  return g_param_spec_enum("payload-format", "Payload format",
                           "Layout of the packets: codec, as the codec has it, or sframe, SFrame "
                           "over RTP, which carries H.264, H.265 and AV1 too",
                           payload_format_get_type(), static_cast<int>(PayloadFormat::Codec),
                           flags);
}

}  // namespace e2ee::rtp
