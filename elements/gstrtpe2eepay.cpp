/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-rtpe2eepay
 * @title: rtpe2eepay
 * @short_description: RTP payloader for encrypted VP8, VP9 and Opus frames
 * @see_also: e2eeencrypt, rtpvp8pay, rtpvp9pay, rtpopuspay
 *
 * Puts frames that e2eeencrypt sealed into RTP packets without ever reading them. What the payload
 * descriptor says about a frame (key or delta, size, layers) comes from #GstE2EEFrameMeta, which
 * e2eeencrypt writes, or else from the buffer's flags, the caps and, for VP8, vp8enc's temporal
 * layer meta. The packets are ordinary VP8 (RFC 7741), VP9 (RFC 9628, non-flexible mode) or Opus
 * (RFC 7587), so browsers, SFUs and the stock depayloaders take them as such.
 *
 * It is needed where stock payloaders fail because no bytes are in the clear: VP9 for LiveKit, and
 * SFrame. Elsewhere it is optional.
 *
 * Layers are those that the meta names: temporal layers of VP8, spatial and temporal ones of VP9, a
 * buffer for each layer frame. Layer frames of one picture have the same timestamp and picture ID;
 * the marker ends the picture. The first packet of a key picture announces the number of spatial
 * layers and their sizes. See e2eevp9split for encoders that give whole pictures.
 *
 * An empty buffer makes no packet. No packet is larger than the `mtu`, header extensions included;
 * an Opus frame that does not fit cannot be split and is dropped with a warning.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc ! vp9enc deadline=1 ! e2eeencrypt
 * key-provider="shared,passphrase=for-tests-only" ! rtpe2eepay ! udpsink host=127.0.0.1 port=5004
 * ]| Sends VP9 in LiveKit's format, with no byte of a frame in the clear.
 * |[
 * gst-launch-1.0 audiotestsrc ! opusenc ! e2eeencrypt scheme=sframe
 * key-provider="shared,passphrase=for-tests-only" ! rtpe2eepay pt=111 ! udpsink host=127.0.0.1
 * port=5006
 * ]| Sends Opus in SFrame.
 *
 * Since: 0.1
 */
#include "gstrtpe2eepay.h"

#include <gst/rtp/rtp.h>

#include <cstring>
#include <utility>

#include "pads.h"
#include "properties.h"
#include "rtp_meta.h"
#include "rtp_pictures.h"
#include "rtp_room.h"

using e2ee::rtp::Descriptor;
using e2ee::rtp::Format;
using e2ee::rtp::Frame;
using e2ee::rtp::HeaderRoom;
using e2ee::rtp::PacketPosition;
using e2ee::rtp::PictureIdMode;
using e2ee::rtp::Pictures;
using e2ee::rtp::Size;

GST_DEBUG_CATEGORY_STATIC(rtp_e2ee_pay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_pay_debug

namespace {

struct Pay {
  explicit Pay(GstRTPBasePayload *payloader) : room(payloader) {}

  Pictures pictures;

  // The rest belongs to the streaming thread.
  const Format *format = nullptr;
  Size caps_size;
  bool talkspurt = true;      // the next packet begins one
  bool told_too_big = false;  // said so once since READY
  HeaderRoom room;
};

}  // namespace

struct _GstRtpE2EEPay {
  GstRTPBasePayload parent;
  Pay *pay;
};

G_DEFINE_TYPE_WITH_CODE(GstRtpE2EEPay, gst_rtp_e2ee_pay, GST_TYPE_RTP_BASE_PAYLOAD,
                        GST_DEBUG_CATEGORY_INIT(rtp_e2ee_pay_debug, "rtpe2eepay", 0,
                                                "RTP payloader for encrypted frames"))
GST_ELEMENT_REGISTER_DEFINE(rtpe2eepay, "rtpe2eepay", GST_RANK_NONE, GST_TYPE_RTP_E2EE_PAY)

namespace {

Pay &pay_of(gpointer element) {
  return *GST_RTP_E2EE_PAY(element)->pay;
}

/**
 * GstRtpE2EEPayPictureIdMode:
 * @none: no picture ID
 * @7-bit: 7-bit picture ID
 * @15-bit: 15-bit picture ID
 *
 * Width of the picture ID of VP8 and VP9.
 *
 * Since: 0.1
 */
GType picture_id_mode_get_type() {
  static const GEnumValue modes[] = {
      {static_cast<int>(PictureIdMode::None), "No picture ID", "none"},
      {static_cast<int>(PictureIdMode::Bits7), "7-bit picture ID", "7-bit"},
      {static_cast<int>(PictureIdMode::Bits15), "15-bit picture ID", "15-bit"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("GstRtpE2EEPayPictureIdMode", modes);
  return type;
}

// ---- Packets

struct Piece {
  GstBuffer *frame;
  gsize offset;
  gsize size;
};

// A packet with its own memory for the headers, followed by the shared memory of the frame.
GstBuffer *make_packet(GstRTPBasePayload *base, const Descriptor &descriptor, const Piece &piece,
                       bool marker, bool delta) {
  GstBuffer *packet = gst_rtp_base_payload_allocate_output_buffer(
      base, static_cast<guint>(descriptor.size()), 0, 0);
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
  e2ee::rtp::copy_metas(piece.frame, packet);
  gst_buffer_copy_into(packet, piece.frame, GST_BUFFER_COPY_MEMORY, piece.offset, piece.size);
  return packet;
}

Descriptor describe(const Pay &self, const Frame &frame, const PacketPosition &position) {
  Descriptor descriptor;
  if (self.format->write_descriptor != nullptr)
    self.format->write_descriptor(frame, self.pictures.numbering(), position, descriptor);
  return descriptor;
}

// Null when the MTU leaves no room for a byte of the frame.
GstBufferList *split_frame(GstRTPBasePayload *base, GstBuffer *buffer, const Frame &frame) {
  Pay &self = pay_of(base);
  const gsize total = gst_buffer_get_size(buffer);
  const gsize room = self.room.for_payload(buffer);
  GstBufferList *list = gst_buffer_list_new_sized(static_cast<guint>(total / (room + 1) + 2));
  for (gsize offset = 0; offset < total;) {
    PacketPosition position = {offset == 0, false};
    Descriptor descriptor = describe(self, frame, position);
    if (room <= descriptor.size()) {
      gst_buffer_list_unref(list);
      return nullptr;
    }
    const gsize size = MIN(room - descriptor.size(), total - offset);
    position.last = offset + size == total;
    if (position.last)
      descriptor = describe(self, frame, position);
    // Only where a decoder can start is no delta: the first packet of a key frame.
    gst_buffer_list_add(list, make_packet(base, descriptor, {buffer, offset, size},
                                          position.last && self.pictures.picture_ended(),
                                          !frame.keyframe || !position.first));
    offset += size;
  }
  return list;
}

GstFlowReturn push_split(GstRTPBasePayload *base, GstBuffer *buffer, const Frame &frame) {
  GstBufferList *list = split_frame(base, buffer, frame);
  if (list == nullptr) {
    GST_ELEMENT_ERROR(
        base, RESOURCE, SETTINGS, ("The MTU is too small for this stream."),
        ("mtu %u leaves no room for the frame behind the headers", GST_RTP_BASE_PAYLOAD_MTU(base)));
    return GST_FLOW_ERROR;
  }
  return gst_rtp_base_payload_push_list(base, list);
}

GstFlowReturn push_whole(GstRTPBasePayload *base, GstBuffer *buffer, const Frame &frame) {
  Pay &self = pay_of(base);
  const Descriptor descriptor = describe(self, frame, {});
  const gsize size = gst_buffer_get_size(buffer);
  const gsize room = self.room.for_payload(buffer);
  if (descriptor.size() + size > room) {
    // Once on the bus is enough: a stream that has one such frame has fifty a second.
    if (!self.told_too_big)
      GST_ELEMENT_WARNING(base, STREAM, ENCODE, ("A frame is too large for one packet."),
                          ("%" G_GSIZE_FORMAT " bytes, room for %" G_GSIZE_FORMAT
                           "; raise mtu or lower the encoder's bitrate or frame size",
                           size, room));
    self.told_too_big = true;
    GST_DEBUG_OBJECT(base, "dropped a frame of %" G_GSIZE_FORMAT " bytes", size);
    return GST_FLOW_OK;
  }
  const bool marker = std::exchange(self.talkspurt, false);
  return gst_rtp_base_payload_push(
      base, make_packet(base, descriptor, {buffer, 0, size}, marker, !frame.keyframe));
}

}  // namespace

// ---- GstRTPBasePayload

static GstCaps *gst_rtp_e2ee_pay_get_caps(GstRTPBasePayload *base, GstPad *pad, GstCaps *filter) {
  GstCaps *peer = nullptr;
  if (pad == GST_RTP_BASE_PAYLOAD_SINKPAD(base)) {
    GstCaps *own = gst_pad_get_pad_template_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base));
    peer = gst_pad_peer_query_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base), own);
    gst_caps_unref(own);
  }
  if (peer == nullptr)
    return GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->get_caps(base, pad, filter);

  GstCaps *caps = gst_caps_new_empty();
  for (const Format *format : e2ee::rtp::formats())
    e2ee::rtp::append_frame_caps(*format, peer, caps);
  gst_caps_unref(peer);
  if (filter != nullptr) {
    GstCaps *filtered = gst_caps_intersect_full(caps, filter, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    caps = filtered;
  }
  return caps;
}

static gboolean gst_rtp_e2ee_pay_set_caps(GstRTPBasePayload *base, GstCaps *caps) {
  Pay &self = pay_of(base);
  const Format *format = e2ee::rtp::format_for_frame_caps(caps);
  if (format == nullptr) {
    GST_WARNING_OBJECT(base, "no payload format for %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  const GstStructure *frame_caps = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  gst_structure_get_int(frame_caps, "width", &width);
  gst_structure_get_int(frame_caps, "height", &height);
  self.format = format;
  self.caps_size = {static_cast<guint>(MAX(width, 0)), static_cast<guint>(MAX(height, 0))};

  GstCaps *allowed = gst_pad_get_allowed_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base));
  gst_rtp_base_payload_set_options(base, format->media, TRUE,
                                   e2ee::rtp::choose_encoding_name(*format, allowed),
                                   format->clock_rate);
  gst_clear_caps(&allowed);

  GstStructure *fields = gst_structure_new_empty("unused");
  if (format->describe_rtp_caps != nullptr)
    format->describe_rtp_caps(frame_caps, fields);
  const gboolean done = gst_rtp_base_payload_set_outcaps_structure(base, fields);
  gst_structure_free(fields);
  return done;
}

static GstFlowReturn gst_rtp_e2ee_pay_handle_buffer(GstRTPBasePayload *base, GstBuffer *buffer) {
  Pay &self = pay_of(base);
  GstFlowReturn flow = GST_FLOW_OK;
  if (gst_buffer_get_size(buffer) == 0) {
    // DTX: nothing to send, and what follows is speech again.
    GST_LOG_OBJECT(base, "no packet for an empty frame");
    self.talkspurt = true;
  } else {
    Frame frame = e2ee::rtp::read_frame(*self.format, buffer, self.caps_size);
    self.pictures.add(buffer, frame);
    flow = self.format->splits ? push_split(base, buffer, frame) : push_whole(base, buffer, frame);
  }
  gst_buffer_unref(buffer);
  return flow;
}

static gboolean gst_rtp_e2ee_pay_sink_event(GstRTPBasePayload *base, GstEvent *event) {
  Pay &self = pay_of(base);
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_GAP || type == GST_EVENT_FLUSH_START)
    self.pictures.skip_id();
  if (type == GST_EVENT_GAP)
    self.talkspurt = true;
  return GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->sink_event(base, event);
}

// ---- GObject and GstElement

static GstStateChangeReturn gst_rtp_e2ee_pay_change_state(GstElement *element,
                                                          GstStateChange transition) {
  Pay &self = pay_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self.talkspurt = true;
    self.told_too_big = false;
    self.pictures.start();
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_pay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    self.room.forget();
  return result;
}

namespace {

enum : guint { kPictureIdMode = 1, kPictureIdOffset };

constexpr e2ee::Property kProperties[] = {
    /**
     * GstRtpE2EEPay:picture-id-mode:
     *
     * Whether and how VP8 and VP9 pictures are numbered. Setting it draws a new first id.
     *
     * Since: 0.1
     */
    {kPictureIdMode, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_enum(
           "picture-id-mode", "Picture ID mode",
           "Width of the picture ID of VP8 and VP9; VP9 receivers expect 15 bits. Setting it "
           "starts over from picture-id-offset (default 15-bit)",
           picture_id_mode_get_type(), static_cast<int>(Pictures::kDefaultMode), flags);
     }},
    /**
     * GstRtpE2EEPay:picture-id-offset:
     *
     * The picture ID of the first frame, cut to the width of #GstRtpE2EEPay:picture-id-mode.
     *
     * Since: 0.1
     */
    {kPictureIdOffset, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_int("picture-id-offset", "Picture ID offset",
                               "Picture ID of the next frame; later frames count on from it "
                               "(-1 = random, default)",
                               Pictures::kRandomOffset, 0x7fff, Pictures::kRandomOffset, flags);
     }},
};

}  // namespace

static void gst_rtp_e2ee_pay_set_property(GObject *object, guint id, const GValue *value,
                                          GParamSpec *pspec) {
  Pictures &pictures = pay_of(object).pictures;
  if (id == kPictureIdMode)
    pictures.set_mode(static_cast<PictureIdMode>(g_value_get_enum(value)));
  else if (id == kPictureIdOffset)
    pictures.set_offset(g_value_get_int(value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_pay_get_property(GObject *object, guint id, GValue *value,
                                          GParamSpec *pspec) {
  const Pictures &pictures = pay_of(object).pictures;
  if (id == kPictureIdMode)
    g_value_set_enum(value, static_cast<int>(pictures.mode()));
  else if (id == kPictureIdOffset)
    g_value_set_int(value, pictures.offset());
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_pay_finalize(GObject *object) {
  delete GST_RTP_E2EE_PAY(object)->pay;
  G_OBJECT_CLASS(gst_rtp_e2ee_pay_parent_class)->finalize(object);
}

static void gst_rtp_e2ee_pay_init(GstRtpE2EEPay *self) {
  self->pay = new Pay(GST_RTP_BASE_PAYLOAD(self));
}

static void gst_rtp_e2ee_pay_class_init(GstRtpE2EEPayClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base_class = GST_RTP_BASE_PAYLOAD_CLASS(klass);
  object_class->set_property = gst_rtp_e2ee_pay_set_property;
  object_class->get_property = gst_rtp_e2ee_pay_get_property;
  object_class->finalize = gst_rtp_e2ee_pay_finalize;
  e2ee::install_properties(object_class, kProperties);
  gst_type_mark_as_plugin_api(picture_id_mode_get_type(), static_cast<GstPluginAPIFlags>(0));
  e2ee::describe_element(
      element_class,
      {"RTP payloader for encrypted frames", "Codec/Payloader/Network/RTP",
       "Puts encrypted VP8, VP9 and Opus frames in RTP packets without reading them"},
      e2ee::rtp::all_frame_caps(), e2ee::rtp::all_rtp_caps());
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_change_state);
  base_class->get_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_get_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_set_caps);
  base_class->handle_buffer = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_handle_buffer);
  base_class->sink_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_sink_event);
}
