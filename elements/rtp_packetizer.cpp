/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_packetizer.h"

#include <cstring>
#include <utility>

#include "rtp_meta.h"

GST_DEBUG_CATEGORY_EXTERN(rtp_e2ee_pay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_pay_debug

namespace e2ee::rtp {

void Packetizer::start() {
  talkspurt_ = true;
  told_too_big_ = false;
  pictures.start();
}

void Packetizer::set_format(const Format &format, const Size &caps_size) {
  format_ = &format;
  caps_size_ = caps_size;
}

// A packet with its own memory for the headers, followed by the shared memory of the frame.
GstBuffer *Packetizer::make_packet(const Descriptor &descriptor, const Piece &piece, bool marker,
                                   bool delta) {
  GstBuffer *packet = gst_rtp_base_payload_allocate_output_buffer(
      payloader_, static_cast<guint>(descriptor.size()), 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(packet, GST_MAP_READWRITE, &rtp);
  if (descriptor.size() > 0)
    std::memcpy(gst_rtp_buffer_get_payload(&rtp), descriptor.data(), descriptor.size());
  gst_rtp_buffer_set_marker(&rtp, marker);
  gst_rtp_buffer_unmap(&rtp);

  if (marker)
    GST_BUFFER_FLAG_SET(packet, GST_BUFFER_FLAG_MARKER);
  if (delta)
    GST_BUFFER_FLAG_SET(packet, GST_BUFFER_FLAG_DELTA_UNIT);
  GST_BUFFER_PTS(packet) = GST_BUFFER_PTS(piece.frame);
  GST_BUFFER_DURATION(packet) = GST_BUFFER_DURATION(piece.frame);
  copy_metas(piece.frame, packet);
  gst_buffer_copy_into(packet, piece.frame, GST_BUFFER_COPY_MEMORY, piece.offset, piece.size);
  return packet;
}

Descriptor Packetizer::describe(const Frame &facts, const PacketPosition &position) const {
  Descriptor descriptor;
  if (format_->write_descriptor != nullptr)
    format_->write_descriptor(facts, pictures.numbering(), position, descriptor);
  return descriptor;
}

// Whether the packet gets the RTP marker.
bool Packetizer::marks(const PacketPosition &position) {
  if (!position.last)
    return false;
  return format_->talkspurts ? std::exchange(talkspurt_, false) : pictures.picture_ended();
}

// Null when the MTU leaves no room for a byte of the frame.
GstBufferList *Packetizer::split(GstBuffer *frame, const Frame &facts) {
  const gsize total = gst_buffer_get_size(frame);
  const gsize room = room_.for_payload(frame);
  GstBufferList *list = gst_buffer_list_new_sized(static_cast<guint>(total / (room + 1) + 2));
  for (gsize offset = 0; offset < total;) {
    PacketPosition position = {offset == 0, false};
    Descriptor descriptor = describe(facts, position);
    if (room <= descriptor.size()) {
      gst_buffer_list_unref(list);
      return nullptr;
    }
    const gsize size = MIN(room - descriptor.size(), total - offset);
    position.last = offset + size == total;
    if (position.last)
      descriptor = describe(facts, position);
    // Only where a decoder can start is no delta: the first packet of a key frame.
    gst_buffer_list_add(list, make_packet(descriptor, {frame, offset, size}, marks(position),
                                          !facts.keyframe || !position.first));
    offset += size;
  }
  return list;
}

GstFlowReturn Packetizer::push_split(GstBuffer *frame, const Frame &facts) {
  GstBufferList *list = split(frame, facts);
  if (list == nullptr) {
    GST_ELEMENT_ERROR(payloader_, RESOURCE, SETTINGS, ("The MTU is too small for this stream."),
                      ("mtu %u leaves no room for the frame behind the headers",
                       GST_RTP_BASE_PAYLOAD_MTU(payloader_)));
    return GST_FLOW_ERROR;
  }
  return gst_rtp_base_payload_push_list(payloader_, list);
}

GstFlowReturn Packetizer::push_whole(GstBuffer *frame, const Frame &facts) {
  const Descriptor descriptor = describe(facts, {});
  const gsize size = gst_buffer_get_size(frame);
  const gsize room = room_.for_payload(frame);
  if (descriptor.size() + size > room) {
    // Once on the bus is enough: a stream that has one such frame has fifty a second.
    if (!told_too_big_)
      GST_ELEMENT_WARNING(payloader_, STREAM, ENCODE, ("A frame is too large for one packet."),
                          ("%" G_GSIZE_FORMAT " bytes, room for %" G_GSIZE_FORMAT
                           "; raise mtu or lower the encoder's bitrate or frame size",
                           size, room));
    told_too_big_ = true;
    GST_DEBUG_OBJECT(payloader_, "dropped a frame of %" G_GSIZE_FORMAT " bytes", size);
    return GST_FLOW_OK;
  }
  const bool marker = marks({});
  return gst_rtp_base_payload_push(
      payloader_, make_packet(descriptor, {frame, 0, size}, marker, !facts.keyframe));
}

GstFlowReturn Packetizer::push(GstBuffer *frame) {
  if (gst_buffer_get_size(frame) == 0) {
    // DTX: nothing to send, and what follows is speech again.
    GST_LOG_OBJECT(payloader_, "no packet for an empty frame");
    end_talkspurt();
    return GST_FLOW_OK;
  }
  Frame facts = read_frame(*format_, frame, caps_size_);
  pictures.add(frame, facts);
  return format_->splits ? push_split(frame, facts) : push_whole(frame, facts);
}

}  // namespace e2ee::rtp
