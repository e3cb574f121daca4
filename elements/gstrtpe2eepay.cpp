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

#include "pads.h"
#include "rtp_format.h"
#include "rtp_meta.h"
#include "rtp_room.h"

using e2ee::rtp::Descriptor;
using e2ee::rtp::Format;
using e2ee::rtp::Frame;
using e2ee::rtp::HeaderRoom;
using e2ee::rtp::Numbering;
using e2ee::rtp::PacketPosition;
using e2ee::rtp::PictureIdMode;
using e2ee::rtp::Size;

GST_DEBUG_CATEGORY_STATIC(rtp_e2ee_pay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_pay_debug

namespace {

// The picture that the last frame belonged to.
struct Picture {
  bool ended = true;
  bool key = false;
  unsigned spatial_layer = 0;
  GstClockTime pts = GST_CLOCK_TIME_NONE;
};

}  // namespace

struct _GstRtpE2EEPay {
  GstRTPBasePayload parent;

  // Properties, and the next frame's id; under the object lock, as flushes come from any thread.
  PictureIdMode picture_id_mode;
  gint picture_id_offset;
  guint next_picture_id;

  // The rest belongs to the streaming thread.
  const Format *format;
  Size caps_size;
  Numbering numbering;    // its mode and picture id are refreshed for each frame
  gboolean talkspurt;     // the next packet begins one
  gboolean told_too_big;  // said so once since READY
  HeaderRoom *room;
  Picture picture;
};

G_DEFINE_TYPE_WITH_CODE(GstRtpE2EEPay, gst_rtp_e2ee_pay, GST_TYPE_RTP_BASE_PAYLOAD,
                        GST_DEBUG_CATEGORY_INIT(rtp_e2ee_pay_debug, "rtpe2eepay", 0,
                                                "RTP payloader for encrypted frames"))
GST_ELEMENT_REGISTER_DEFINE(rtpe2eepay, "rtpe2eepay", GST_RANK_NONE, GST_TYPE_RTP_E2EE_PAY)

namespace {

enum Property { PROP_0, PROP_PICTURE_ID_MODE, PROP_PICTURE_ID_OFFSET, N_PROPERTIES };

// Chromium and RFC 9628's non-flexible mode rely on ids; 15 bits outlast any plausible loss.
constexpr auto kDefaultPictureIdMode = PictureIdMode::Bits15;
constexpr gint kRandomOffset = -1;

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

// ---- Picture ids

void draw_picture_id_unlocked(GstRtpE2EEPay *self) {
  self->next_picture_id = self->picture_id_offset == kRandomOffset
                              ? g_random_int()
                              : static_cast<guint>(self->picture_id_offset);
}

// A jump in the ids tells receivers that a picture is missing.
void skip_picture_id(GstRtpE2EEPay *self) {
  GST_OBJECT_LOCK(self);
  self->next_picture_id++;
  GST_OBJECT_UNLOCK(self);
}

// Frames of higher spatial layers belong to the picture that a lower one began.
bool begins_picture(const Picture &picture, GstBuffer *buffer, const Frame &frame) {
  return picture.ended || frame.spatial_layer <= picture.spatial_layer ||
         GST_BUFFER_PTS(buffer) != picture.pts;
}

// Completes what is known of the frame by what its picture is.
void place_in_picture(Picture &picture, GstBuffer *buffer, Frame &frame, bool begins) {
  if (begins)
    picture = {false, frame.keyframe, 0, GST_BUFFER_PTS(buffer)};
  picture.spatial_layer = frame.spatial_layer;
  picture.ended = e2ee::rtp::ends_picture(buffer, frame);
  // Layers above a key frame refer to that alone: there is nothing else left to refer to.
  frame.key_picture = picture.key;
}

void number_frame(GstRtpE2EEPay *self, const Frame &frame, bool begins) {
  GST_OBJECT_LOCK(self);
  if (begins)
    self->next_picture_id++;
  self->numbering.mode = self->picture_id_mode;
  self->numbering.picture_id = self->next_picture_id - 1;
  GST_OBJECT_UNLOCK(self);
  self->numbering.count_layers(frame, begins);
}

// ---- Packets

gboolean copy_meta(GstBuffer *frame, GstMeta **meta, gpointer packet) {
  const GstMetaInfo *info = (*meta)->info;
  if (info->transform_func != nullptr && e2ee::rtp::survives_rtp(*meta)) {
    GstMetaTransformCopy whole = {FALSE, 0, static_cast<gsize>(-1)};
    info->transform_func(GST_BUFFER(packet), *meta, frame, _gst_meta_transform_copy, &whole);
  }
  return TRUE;
}

struct Piece {
  GstBuffer *frame;
  gsize offset;
  gsize size;
};

// A packet with its own memory for the headers, followed by the shared memory of the frame.
GstBuffer *make_packet(GstRtpE2EEPay *self, const Descriptor &descriptor, const Piece &piece,
                       bool marker, bool delta) {
  GstBuffer *packet = gst_rtp_base_payload_allocate_output_buffer(
      GST_RTP_BASE_PAYLOAD(self), static_cast<guint>(descriptor.size()), 0, 0);
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
  gst_buffer_foreach_meta(piece.frame, copy_meta, packet);
  gst_buffer_copy_into(packet, piece.frame, GST_BUFFER_COPY_MEMORY, piece.offset, piece.size);
  return packet;
}

Descriptor describe(GstRtpE2EEPay *self, const Frame &frame, const PacketPosition &position) {
  Descriptor descriptor;
  if (self->format->write_descriptor != nullptr)
    self->format->write_descriptor(frame, self->numbering, position, descriptor);
  return descriptor;
}

// Null when the MTU leaves no room for a byte of the frame.
GstBufferList *split_frame(GstRtpE2EEPay *self, GstBuffer *buffer, const Frame &frame) {
  const gsize total = gst_buffer_get_size(buffer);
  const gsize room = self->room->for_payload(buffer);
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
    gst_buffer_list_add(list, make_packet(self, descriptor, {buffer, offset, size},
                                          position.last && self->picture.ended,
                                          !frame.keyframe || !position.first));
    offset += size;
  }
  return list;
}

GstFlowReturn push_split(GstRtpE2EEPay *self, GstBuffer *buffer, const Frame &frame) {
  GstBufferList *list = split_frame(self, buffer, frame);
  if (list == nullptr) {
    GST_ELEMENT_ERROR(
        self, RESOURCE, SETTINGS, ("The MTU is too small for this stream."),
        ("mtu %u leaves no room for the frame behind the headers", GST_RTP_BASE_PAYLOAD_MTU(self)));
    return GST_FLOW_ERROR;
  }
  return gst_rtp_base_payload_push_list(GST_RTP_BASE_PAYLOAD(self), list);
}

GstFlowReturn push_whole(GstRtpE2EEPay *self, GstBuffer *buffer, const Frame &frame) {
  const Descriptor descriptor = describe(self, frame, {});
  const gsize size = gst_buffer_get_size(buffer);
  const gsize room = self->room->for_payload(buffer);
  if (descriptor.size() + size > room) {
    // Once on the bus is enough: a stream that has one such frame has fifty a second.
    if (!self->told_too_big)
      GST_ELEMENT_WARNING(self, STREAM, ENCODE, ("A frame is too large for one packet."),
                          ("%" G_GSIZE_FORMAT " bytes, room for %" G_GSIZE_FORMAT
                           "; raise mtu or lower the encoder's bitrate or frame size",
                           size, room));
    self->told_too_big = TRUE;
    GST_DEBUG_OBJECT(self, "dropped a frame of %" G_GSIZE_FORMAT " bytes", size);
    return GST_FLOW_OK;
  }
  const bool marker = self->talkspurt;
  self->talkspurt = FALSE;
  return gst_rtp_base_payload_push(
      GST_RTP_BASE_PAYLOAD(self),
      make_packet(self, descriptor, {buffer, 0, size}, marker, !frame.keyframe));
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
  auto *self = GST_RTP_E2EE_PAY(base);
  const Format *format = e2ee::rtp::format_for_frame_caps(caps);
  if (format == nullptr) {
    GST_WARNING_OBJECT(self, "no payload format for %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  const GstStructure *frame_caps = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  gst_structure_get_int(frame_caps, "width", &width);
  gst_structure_get_int(frame_caps, "height", &height);
  self->format = format;
  self->caps_size = {static_cast<guint>(MAX(width, 0)), static_cast<guint>(MAX(height, 0))};

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
  auto *self = GST_RTP_E2EE_PAY(base);
  GstFlowReturn flow = GST_FLOW_OK;
  if (gst_buffer_get_size(buffer) == 0) {
    // DTX: nothing to send, and what follows is speech again.
    GST_LOG_OBJECT(self, "no packet for an empty frame");
    self->talkspurt = TRUE;
  } else {
    Frame frame = e2ee::rtp::read_frame(*self->format, buffer, self->caps_size);
    const bool begins = begins_picture(self->picture, buffer, frame);
    place_in_picture(self->picture, buffer, frame, begins);
    number_frame(self, frame, begins);
    flow = self->format->splits ? push_split(self, buffer, frame) : push_whole(self, buffer, frame);
  }
  gst_buffer_unref(buffer);
  return flow;
}

static gboolean gst_rtp_e2ee_pay_sink_event(GstRTPBasePayload *base, GstEvent *event) {
  auto *self = GST_RTP_E2EE_PAY(base);
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_GAP || type == GST_EVENT_FLUSH_START)
    skip_picture_id(self);
  if (type == GST_EVENT_GAP)
    self->talkspurt = TRUE;
  return GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->sink_event(base, event);
}

// ---- GObject and GstElement

static GstStateChangeReturn gst_rtp_e2ee_pay_change_state(GstElement *element,
                                                          GstStateChange transition) {
  auto *self = GST_RTP_E2EE_PAY(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self->talkspurt = TRUE;
    self->told_too_big = FALSE;
    self->picture = Picture{};
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_pay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    self->room->forget();
  return result;
}

static void gst_rtp_e2ee_pay_set_property(GObject *object, guint id, const GValue *value,
                                          GParamSpec *pspec) {
  auto *self = GST_RTP_E2EE_PAY(object);
  switch (id) {
    case PROP_PICTURE_ID_MODE:
      GST_OBJECT_LOCK(self);
      self->picture_id_mode = static_cast<PictureIdMode>(g_value_get_enum(value));
      draw_picture_id_unlocked(self);
      GST_OBJECT_UNLOCK(self);
      break;
    case PROP_PICTURE_ID_OFFSET:
      GST_OBJECT_LOCK(self);
      self->picture_id_offset = g_value_get_int(value);
      draw_picture_id_unlocked(self);
      GST_OBJECT_UNLOCK(self);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_rtp_e2ee_pay_get_property(GObject *object, guint id, GValue *value,
                                          GParamSpec *pspec) {
  auto *self = GST_RTP_E2EE_PAY(object);
  GST_OBJECT_LOCK(self);
  const PictureIdMode mode = self->picture_id_mode;
  const gint offset = self->picture_id_offset;
  GST_OBJECT_UNLOCK(self);
  switch (id) {
    case PROP_PICTURE_ID_MODE:
      g_value_set_enum(value, static_cast<int>(mode));
      break;
    case PROP_PICTURE_ID_OFFSET:
      g_value_set_int(value, offset);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      break;
  }
}

static void gst_rtp_e2ee_pay_finalize(GObject *object) {
  delete GST_RTP_E2EE_PAY(object)->room;
  G_OBJECT_CLASS(gst_rtp_e2ee_pay_parent_class)->finalize(object);
}

static void gst_rtp_e2ee_pay_init(GstRtpE2EEPay *self) {
  self->picture_id_mode = kDefaultPictureIdMode;
  self->picture_id_offset = kRandomOffset;
  draw_picture_id_unlocked(self);
  // GObject hands out zeroed memory, in which no constructor ran.
  self->numbering = Numbering{};
  self->picture = Picture{};
  self->room = new HeaderRoom(GST_RTP_BASE_PAYLOAD(self));
  self->talkspurt = TRUE;
}

static void install_properties(GObjectClass *object_class) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_PLAYING);
  static GParamSpec *properties[N_PROPERTIES];
  /**
   * GstRtpE2EEPay:picture-id-mode:
   *
   * Whether and how VP8 and VP9 pictures are numbered. Setting it draws a new first id.
   *
   * Since: 0.1
   */
  properties[PROP_PICTURE_ID_MODE] =
      g_param_spec_enum("picture-id-mode", "Picture ID mode",
                        "Width of the picture ID of VP8 and VP9; VP9 receivers expect 15 bits. "
                        "Setting it starts over from picture-id-offset (default 15-bit)",
                        picture_id_mode_get_type(), static_cast<int>(kDefaultPictureIdMode), flags);
  /**
   * GstRtpE2EEPay:picture-id-offset:
   *
   * The picture ID of the first frame, cut to the width of #GstRtpE2EEPay:picture-id-mode.
   *
   * Since: 0.1
   */
  properties[PROP_PICTURE_ID_OFFSET] =
      g_param_spec_int("picture-id-offset", "Picture ID offset",
                       "Picture ID of the next frame; later frames count on from it "
                       "(-1 = random, default)",
                       kRandomOffset, 0x7fff, kRandomOffset, flags);
  g_object_class_install_properties(object_class, N_PROPERTIES, properties);
  gst_type_mark_as_plugin_api(picture_id_mode_get_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_rtp_e2ee_pay_class_init(GstRtpE2EEPayClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base_class = GST_RTP_BASE_PAYLOAD_CLASS(klass);

  object_class->set_property = gst_rtp_e2ee_pay_set_property;
  object_class->get_property = gst_rtp_e2ee_pay_get_property;
  object_class->finalize = gst_rtp_e2ee_pay_finalize;
  install_properties(object_class);

  e2ee::add_pad_template(element_class, "sink", e2ee::rtp::all_frame_caps());
  e2ee::add_pad_template(element_class, "src", e2ee::rtp::all_rtp_caps());
  gst_element_class_set_static_metadata(
      element_class, "RTP payloader for encrypted frames", "Codec/Payloader/Network/RTP",
      "Puts encrypted VP8, VP9 and Opus frames in RTP packets without reading them",
      "The gst-e2ee developers");
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_change_state);

  base_class->get_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_get_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_set_caps);
  base_class->handle_buffer = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_handle_buffer);
  base_class->sink_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_sink_event);
}
