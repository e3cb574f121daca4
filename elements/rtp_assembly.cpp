/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_assembly.h"

#include <utility>

#include "rtp_loss.h"
#include "rtp_meta.h"

GST_DEBUG_CATEGORY_EXTERN(rtp_e2ee_depay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_depay_debug

namespace e2ee::rtp {

namespace {

Origin origin_of(GstRTPBuffer *rtp, const Packet &packet) {
  return {gst_rtp_buffer_get_ssrc(rtp), gst_rtp_buffer_get_payload_type(rtp), packet.packetized};
}

}  // namespace

void Assembly::start() {
  losses_ = 0;
  told_of_t_ = false;
  key_units_.reset();
  set_format(nullptr);
}

void Assembly::start_over() {
  lost_event_.reset();
  stream_ = Stream{};
  gap_ = false;
}

void Assembly::set_format(const Format *format) {
  start_over();
  format_ = format;
  caps_ = {};
  media_packets_ = {};
}

// ---- Losses

void Assembly::ask_for_key_unit() {
  if (!format_->talkspurts)
    key_units_.ask(GST_RTP_BASE_DEPAYLOAD_SINKPAD(depayloader_));
}

// A frame that was on the way is gone, or some that never arrived.
void Assembly::lose(const char *why) {
  GST_DEBUG_OBJECT(depayloader_, "frame lost: %s", why);
  ++losses_;
  stream_.lose(settings.wait_for_keyframe);
  if (settings.request_keyframe)
    ask_for_key_unit();
}

// The same where no packet is missing, so that no jitter buffer tells of it.
void Assembly::lose_unseen(const char *why, GstClockTime pts) {
  lose(why);
  if (GST_CLOCK_TIME_IS_VALID(pts))
    tell_of_loss(new_loss_event(pts));
}

// Takes the event.
void Assembly::tell_of_loss(GstEvent *event) {
  auto *base = GST_RTP_BASE_DEPAYLOAD_CLASS(g_type_class_peek(GST_TYPE_RTP_BASE_DEPAYLOAD));
  base->packet_lost(depayloader_, event);
  gst_event_unref(event);
}

void Assembly::packet_lost(GstEvent *event) {
  gboolean uncertain = FALSE;
  gst_structure_get_boolean(gst_event_get_structure(event), "might-have-been-fec", &uncertain);
  if (format_ == nullptr || format_->read_descriptor == nullptr || !uncertain) {
    tell_of_loss(gst_event_ref(event));
  } else if (stream_.between_pictures()) {
    // The next packet tells.
    lost_event_.reset(gst_event_ref(event));
  } else {
    tell_of_loss(certain_loss_event(event));
  }
}

void Assembly::close_gap(const Packet &packet) {
  const bool lost = gap_ && !stream_.goes_on(packet);
  gap_ = false;
  if (lost && lost_event_)
    tell_of_loss(certain_loss_event(lost_event_.get()));
  lost_event_.reset();
  if (lost && stream_.has_begun())
    lose("packets are missing");
}

// ---- Frames

// False when the frame that begins is of no use.
bool Assembly::begin_frame(const Packet &packet, GstRTPBuffer *rtp) {
  const GstClockTime pts = GST_BUFFER_PTS(rtp->buffer);
  if (stream_.assembling())
    lose_unseen("its end is missing", pts);
  stream_.enter_picture(packet, gst_rtp_buffer_get_timestamp(rtp), pts);
  if (stream_.waiting() && !packet.frame.keyframe) {
    GST_LOG_OBJECT(depayloader_, "dropped a frame while waiting for a key frame");
    stream_.skip();
    ask_for_key_unit();
    return false;
  }
  if (stream_.lacks_layer_below(packet.frame)) {
    lose("the layer below is missing");
    return false;
  }
  stream_.begin(packet.frame, packet.packetized ? Stream::kMaxPacket : Stream::kMaxFrame);
  origin_ = origin_of(rtp, packet);
  return true;
}

// False when the packet is not part of a frame that can still be completed.
bool Assembly::continue_frame(const Packet &packet, GstRTPBuffer *rtp) {
  const GstClockTime pts = GST_BUFFER_PTS(rtp->buffer);
  if (!stream_.assembling()) {
    if (!stream_.skipping())
      lose_unseen("its start is missing", pts);
    return false;
  }
  if (format_->sframe && origin_ != origin_of(rtp, packet)) {
    lose_unseen("packets of two kinds in one ciphertext", pts);
    return false;
  }
  return true;
}

GstBuffer *Assembly::describe(GstBuffer *frame, bool ends_picture) {
  const Frame &facts = stream_.frame();
  if (GstCaps *caps = caps_.next(*format_, facts)) {
    gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(depayloader_), caps);
    gst_caps_unref(caps);
  }
  write_frame(frame, facts, ends_picture);
  return frame;
}

// False where downstream cannot take such a ciphertext. Nobody has verified the T bit: one forged
// packet must not end the stream.
bool Assembly::announce_ciphertext() {
  const CapsPtr caps = ciphertext_caps_.next(origin_);
  if (!caps)
    return true;
  GstPad *src = GST_RTP_BASE_DEPAYLOAD_SRCPAD(depayloader_);
  const CapsPtr taken(gst_pad_peer_query_caps(src, nullptr));
  if (taken && !gst_caps_can_intersect(taken.get(), caps.get())) {
    if (!std::exchange(told_of_t_, true))
      GST_ELEMENT_WARNING(
          depayloader_, STREAM, FORMAT,
          ("%s. Such ciphertexts are dropped; forged ones are harmless then",
           origin_.packetized
               ? "A packet says that the sender encrypts each packet (T=1): for such "
                 "a sender put the codec's depayloader behind e2eedecrypt"
               : "A packet says that the sender encrypts whole frames (T=0): for "
                 "such a sender put a parser or decoder of this codec behind "
                 "e2eedecrypt"),
          ("%" GST_PTR_FORMAT, caps.get()));
    return false;
  }
  gst_pad_set_caps(src, caps.get());
  ciphertext_caps_.keep(origin_);
  return true;
}

// Nothing can be known of the frame, but which picture it is the last of.
GstBuffer *Assembly::describe_ciphertext(GstBuffer *ciphertext, GstRTPBuffer *rtp,
                                         bool after_loss) {
  if (origin_.packetized)
    return media_packets_.make(rtp, ciphertext, after_loss);
  if (!format_->talkspurts && gst_rtp_buffer_get_marker(rtp))
    GST_BUFFER_FLAG_SET(ciphertext, GST_BUFFER_FLAG_MARKER);
  return ciphertext;
}

GstBuffer *Assembly::end_frame(GstRTPBuffer *rtp) {
  const bool marker = gst_rtp_buffer_get_marker(rtp);
  bool discont = false;
  GstBuffer *buffer = without_packet_facts(stream_.end(marker, discont));
  if (format_->sframe && !announce_ciphertext()) {
    gst_buffer_unref(buffer);
    lose_unseen("downstream takes no such ciphertexts", stream_.pts());
    return nullptr;
  }
  buffer = format_->sframe ? describe_ciphertext(buffer, rtp, discont) : describe(buffer, marker);
  if (discont)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  // Packets of one picture may have arrived at several times.
  GST_BUFFER_PTS(buffer) = stream_.pts();
  return buffer;
}

// A packet of a format with descriptors; returns the frame that it completed.
GstBuffer *Assembly::take_packet(GstRTPBuffer *rtp, Packet &packet) {
  if (!format_->sframe)
    packet.position.last |= gst_rtp_buffer_get_marker(rtp) != FALSE;
  close_gap(packet);
  if (!(packet.position.first ? begin_frame(packet, rtp) : continue_frame(packet, rtp)))
    return nullptr;
  if (!stream_.add(gst_rtp_buffer_get_payload_subbuffer(rtp, static_cast<guint>(packet.descriptor),
                                                        G_MAXUINT))) {
    lose_unseen("it does not end", GST_BUFFER_PTS(rtp->buffer));
    return nullptr;
  }
  return packet.position.last ? end_frame(rtp) : nullptr;
}

GstBuffer *Assembly::take(GstRTPBuffer *rtp) {
  const std::span<const guint8> payload(
      static_cast<const guint8 *>(gst_rtp_buffer_get_payload(rtp)),
      gst_rtp_buffer_get_payload_len(rtp));
  if (GST_BUFFER_IS_DISCONT(rtp->buffer))
    gap_ = true;
  // Padding alone, as probes of the bandwidth have it, is no part of any frame.
  if (payload.empty() || format_ == nullptr)
    return nullptr;
  if (format_->read_descriptor == nullptr)
    return without_packet_facts(gst_rtp_buffer_get_payload_buffer(rtp));

  Packet packet;
  if (!format_->read_descriptor(payload, packet)) {
    lose_unseen("a malformed packet", GST_BUFFER_PTS(rtp->buffer));
    return nullptr;
  }
  if (packet.position.first && format_->read_payload_header != nullptr &&
      settings.clear_header != GST_E2EE_CLEAR_HEADER_NONE)
    format_->read_payload_header(payload.subspan(packet.descriptor), packet);
  return take_packet(rtp, packet);
}

}  // namespace e2ee::rtp
