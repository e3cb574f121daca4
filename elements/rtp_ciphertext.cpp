/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_ciphertext.h"

#include "buffers/sframertp.h"
#include "rtp_format.h"
#include "rtp_meta.h"

namespace e2ee::rtp {

void CiphertextCaps::set(GstCaps *frame_caps, GstCaps *rtp_caps) {
  frame_caps_.reset(frame_caps);
  rtp_caps_.reset(rtp_caps);
  origin_.reset();
}

CapsPtr CiphertextCaps::next(const Origin &origin) const {
  if (origin_ == origin)
    return nullptr;
  CapsPtr caps(with_sframe_rtp(origin.packetized ? rtp_caps_.get() : frame_caps_.get()));
  gst_caps_set_simple(caps.get(), "ssrc", G_TYPE_UINT, origin.ssrc, nullptr);
  if (!origin.packetized)
    return caps;
  gst_caps_set_simple(caps.get(), "payload", G_TYPE_INT, static_cast<int>(origin.payload_type),
                      nullptr);
  // Neither is true of packets that were numbered anew and hold no SFrame once decrypted.
  gst_structure_remove_fields(gst_caps_get_structure(caps.get(), 0), "seqnum-base", "seqnum-offset",
                              kSFrameAttribute, nullptr);
  return caps;
}

GstBuffer *PacketsOfCiphertexts::make(GstRTPBuffer *last, GstBuffer *ciphertext, bool after_loss) {
  constexpr guint8 kPadding = 0x20;
  guint16 seq = next_seq_.value_or(gst_rtp_buffer_get_seq(last));
  if (after_loss)
    seq++;
  next_seq_ = static_cast<guint16>(seq + 1);

  const guint header = gst_rtp_buffer_get_header_len(last);
  GstBuffer *packet = gst_buffer_new_allocate(nullptr, header, nullptr);
  GstMapInfo map;
  gst_buffer_map(packet, &map, GST_MAP_WRITE);
  gst_buffer_extract(last->buffer, 0, map.data, header);
  map.data[0] &= static_cast<guint8>(~kPadding);
  GST_WRITE_UINT16_BE(map.data + 2, seq);
  gst_buffer_unmap(packet, &map);
  if (gst_rtp_buffer_get_marker(last))
    GST_BUFFER_FLAG_SET(packet, GST_BUFFER_FLAG_MARKER);
  copy_metas(ciphertext, packet);
  return gst_buffer_append(packet, ciphertext);
}

}  // namespace e2ee::rtp
