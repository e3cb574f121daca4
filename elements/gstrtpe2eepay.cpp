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
 * Frames of one spatial layer are expected, with or without temporal layers. A frame of a higher
 * spatial layer shares the picture ID of the picture below it, but the marker is set at the end of
 * each frame, since the payloader cannot know which layer is the last. An empty buffer makes no
 * packet. No packet is larger than the `mtu`, header extensions included; an Opus frame that does
 * not fit cannot be split and is dropped with a warning.
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

#include <gst/e2ee/gste2eemeta.h>
#include <gst/rtp/rtp.h>

#include <cstring>

#include "rtp_format.h"

using e2ee::rtp::Descriptor;
using e2ee::rtp::Format;
using e2ee::rtp::Frame;
using e2ee::rtp::Numbering;
using e2ee::rtp::PacketPosition;
using e2ee::rtp::PictureIdMode;

GST_DEBUG_CATEGORY_STATIC(rtp_e2ee_pay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_pay_debug

struct _GstRtpE2EEPay {
  GstRTPBasePayload parent;

  // Properties, and the next frame's id; under the object lock, as flushes come from any thread.
  PictureIdMode picture_id_mode;
  gint picture_id_offset;
  guint next_picture_id;

  // The rest belongs to the streaming thread.
  const Format *format;
  guint width, height;    // of the caps, 0 when unknown
  Numbering numbering;    // its mode and picture id are refreshed for each frame
  gboolean talkspurt;     // the next packet begins one
  gboolean told_too_big;  // said so once since READY

  GstCaps *extension_caps;   // what `extensions` was made for
  GPtrArray *extensions;     // GstRTPHeaderExtension
  guint unknown_extensions;  // announced in the caps, without an implementation here
};

G_DEFINE_TYPE_WITH_CODE(GstRtpE2EEPay, gst_rtp_e2ee_pay, GST_TYPE_RTP_BASE_PAYLOAD,
                        GST_DEBUG_CATEGORY_INIT(rtp_e2ee_pay_debug, "rtpe2eepay", 0,
                                                "RTP payloader for encrypted frames"))
GST_ELEMENT_REGISTER_DEFINE(rtpe2eepay, "rtpe2eepay", GST_RANK_NONE, GST_TYPE_RTP_E2EE_PAY)

namespace {

enum Property { PROP_0, PROP_PICTURE_ID_MODE, PROP_PICTURE_ID_OFFSET };

// Chromium and RFC 9628's non-flexible mode rely on ids; 15 bits outlast any plausible loss.
constexpr auto kDefaultPictureIdMode = PictureIdMode::Bits15;
constexpr gint kRandomOffset = -1;

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

void number_frame(GstRtpE2EEPay *self, const Frame &frame) {
  GST_OBJECT_LOCK(self);
  // Higher spatial layers belong to the picture that layer 0 began.
  if (frame.spatial_layer == 0)
    self->next_picture_id++;
  self->numbering.mode = self->picture_id_mode;
  self->numbering.picture_id = self->next_picture_id - 1;
  GST_OBJECT_UNLOCK(self);
  self->numbering.count_layers(frame);
}

// ---- What is known of a frame

bool is_vp8_meta(GstMeta *meta) {
  return gst_meta_info_is_custom(meta->info) &&
         gst_custom_meta_has_name(reinterpret_cast<GstCustomMeta *>(meta), "GstVP8Meta");
}

void read_vp8_meta(GstMeta *meta, Frame *frame) {
  const GstStructure *s = gst_custom_meta_get_structure(reinterpret_cast<GstCustomMeta *>(meta));
  gboolean scaled = FALSE;
  gboolean sync = FALSE;
  guint layer = 0;
  gst_structure_get_boolean(s, "use-temporal-scaling", &scaled);
  if (!scaled)
    return;
  gst_structure_get_uint(s, "layer-id", &layer);
  gst_structure_get_boolean(s, "layer-sync", &sync);
  frame->has_layers = true;
  frame->temporal_layer = layer;
  frame->layer_sync = sync;
}

void read_frame_meta(const GstE2EEFrameMeta &meta, Frame *frame) {
  frame->keyframe = meta.keyframe;
  if (meta.width > 0 && meta.height > 0) {
    frame->width = meta.width;
    frame->height = meta.height;
  }
  if (meta.has_layers) {
    frame->has_layers = true;
    frame->temporal_layer = meta.temporal_layer;
    frame->spatial_layer = meta.spatial_layer;
    frame->layer_sync = meta.layer_sync;
  }
}

Frame frame_of(GstRtpE2EEPay *self, GstBuffer *buffer) {
  Frame frame;
  frame.keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  frame.droppable = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DROPPABLE);
  frame.width = self->width;
  frame.height = self->height;
  // The encoder's word first, so that the encryptor's, where it has one, wins.
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(buffer, &state))
    if (self->format == &e2ee::rtp::vp8_format && is_vp8_meta(meta))
      read_vp8_meta(meta, &frame);
  if (const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(buffer))
    read_frame_meta(*meta, &frame);
  // Elsewhere (simulcast) such a number is not part of the stream, and each frame is a picture.
  if (!self->format->spatial_layers)
    frame.spatial_layer = 0;
  return frame;
}

// ---- Room in a packet

void forget_extensions(GstRtpE2EEPay *self) {
  gst_clear_caps(&self->extension_caps);
  g_clear_pointer(&self->extensions, g_ptr_array_unref);
  self->unknown_extensions = 0;
}

const gchar *extension_uri(const GValue *value) {
  // With a direction or attributes the URI is the second of three strings.
  if (GST_VALUE_HOLDS_ARRAY(value) && gst_value_array_get_size(value) > 1)
    value = gst_value_array_get_value(value, 1);
  return G_VALUE_HOLDS_STRING(value) ? g_value_get_string(value) : nullptr;
}

gboolean note_extension(GQuark field, const GValue *value, gpointer user_data) {
  auto *self = GST_RTP_E2EE_PAY(user_data);
  const gchar *name = g_quark_to_string(field);
  const gchar *uri = nullptr;
  if (!g_str_has_prefix(name, "extmap-") || (uri = extension_uri(value)) == nullptr)
    return TRUE;
  GstRTPHeaderExtension *extension = gst_rtp_header_extension_create_from_uri(uri);
  if (extension == nullptr) {
    self->unknown_extensions++;
    return TRUE;
  }
  const auto id = g_ascii_strtoull(name + std::strlen("extmap-"), nullptr, 10);
  gst_rtp_header_extension_set_id(extension, static_cast<guint>(id));
  gst_rtp_header_extension_set_attributes_from_caps(extension, self->extension_caps);
  if (GstCaps *caps = gst_pad_get_current_caps(GST_RTP_BASE_PAYLOAD_SINKPAD(self))) {
    gst_rtp_header_extension_set_non_rtp_sink_caps(extension, caps);
    gst_caps_unref(caps);
  }
  g_ptr_array_add(self->extensions, extension);
  return TRUE;
}

// The base class writes header extensions after the frame was cut, and before 1.24 it does not
// tell which. The negotiated caps name each of them, so twins of them say how large they get.
void learn_extensions(GstRtpE2EEPay *self) {
  GstCaps *caps = gst_pad_get_current_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(self));
  if (caps == self->extension_caps) {
    gst_clear_caps(&caps);
    return;
  }
  forget_extensions(self);
  if (caps == nullptr)
    return;
  self->extension_caps = caps;
  self->extensions = g_ptr_array_new_with_free_func(gst_object_unref);
  gst_structure_foreach(gst_caps_get_structure(caps, 0), note_extension, self);
}

guint extension_room(GstRtpE2EEPay *self, GstBuffer *buffer) {
  learn_extensions(self);
  if (self->extensions == nullptr || self->extensions->len + self->unknown_extensions == 0)
    return 0;
  // RFC 8285: 4 bytes for all, up to 2 for each, padded to words. An extension of the one-byte
  // form, which is the usual, holds at most 16 bytes.
  gsize size = 2 * (self->extensions->len + self->unknown_extensions);
  size += 16 * self->unknown_extensions;
  for (guint i = 0; i < self->extensions->len; i++)
    size += gst_rtp_header_extension_get_max_size(
        GST_RTP_HEADER_EXTENSION(g_ptr_array_index(self->extensions, i)), buffer);
  return static_cast<guint>(4 + GST_ROUND_UP_4(size));
}

// Bytes that descriptor and frame may fill together.
guint room_for(GstRtpE2EEPay *self, GstBuffer *buffer) {
  auto *base = GST_RTP_BASE_PAYLOAD(self);
  // Up to 15 sources and their sender can be known; an RTP header holds 15.
  const guint sources = MIN(gst_rtp_base_payload_get_source_count(base, buffer), 15U);
  const guint mtu = GST_RTP_BASE_PAYLOAD_MTU(base);
  const guint extensions = extension_room(self, buffer);
  if (mtu <= extensions + gst_rtp_buffer_calc_header_len(static_cast<guint8>(sources)))
    return 0;
  return gst_rtp_buffer_calc_payload_len(mtu - extensions, 0, static_cast<guint8>(sources));
}

// ---- Packets

// As the stock payloaders: what has no tags, or only that of the media, survives.
gboolean copy_meta(GstBuffer *frame, GstMeta **meta, gpointer packet) {
  const GstMetaInfo *info = (*meta)->info;
  // Told by the descriptor, and none of the network's business.
  if (info->api == GST_E2EE_FRAME_META_API_TYPE || is_vp8_meta(*meta))
    return TRUE;
  const gchar *const *tags = gst_meta_api_type_get_tags(info->api);
  const bool plain = tags == nullptr || tags[0] == nullptr;
  const bool of_media = !plain && tags[1] == nullptr &&
                        (g_str_equal(tags[0], "video") || g_str_equal(tags[0], "audio"));
  if (info->transform_func != nullptr && (plain || of_media)) {
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
  const gsize room = room_for(self, buffer);
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
    gst_buffer_list_add(list, make_packet(self, descriptor, {buffer, offset, size}, position.last,
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
  const gsize room = room_for(self, buffer);
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

// ---- Caps

// The name that downstream takes; the usual one if it does not say.
const char *choose_encoding_name(const Format &format, GstCaps *allowed) {
  for (const char *name : format.encoding_names) {
    if (name == nullptr || allowed == nullptr)
      break;
    GstCaps *caps = e2ee::rtp::rtp_caps_of(format, name);
    const bool fits = gst_caps_can_intersect(caps, allowed);
    gst_caps_unref(caps);
    if (fits)
      return name;
  }
  return format.encoding_names[0];
}

bool speaks(const Format &format, const GstStructure *rtp_caps) {
  const GValue *wanted = gst_structure_get_value(rtp_caps, "encoding-name");
  bool found = wanted == nullptr;
  for (const char *name : format.encoding_names) {
    if (name == nullptr || found)
      break;
    GValue own = G_VALUE_INIT;
    g_value_init(&own, G_TYPE_STRING);
    g_value_set_static_string(&own, name);
    found = gst_value_intersect(nullptr, &own, wanted);
    g_value_unset(&own);
  }
  return found;
}

// Appends the frame caps that `format` can turn into what `peer` takes, what it prefers in front.
void append_frame_caps(const Format &format, const GstCaps *peer, GstCaps *caps) {
  for (guint i = 0; i < gst_caps_get_size(peer); i++) {
    const GstStructure *rtp_caps = gst_caps_get_structure(peer, i);
    if (!speaks(format, rtp_caps))
      continue;
    GstCaps *frame_caps = e2ee::rtp::frame_caps_of(format);
    if (format.prefer_frame_caps != nullptr &&
        format.prefer_frame_caps(rtp_caps, gst_caps_get_structure(frame_caps, 0)))
      gst_caps_append(caps, frame_caps);
    else
      gst_caps_unref(frame_caps);
    gst_caps_append(caps, e2ee::rtp::frame_caps_of(format));
    return;
  }
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
    append_frame_caps(*format, peer, caps);
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
  self->width = static_cast<guint>(MAX(width, 0));
  self->height = static_cast<guint>(MAX(height, 0));

  GstCaps *allowed = gst_pad_get_allowed_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base));
  gst_rtp_base_payload_set_options(base, format->media, TRUE,
                                   choose_encoding_name(*format, allowed), format->clock_rate);
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
    const Frame frame = frame_of(self, buffer);
    number_frame(self, frame);
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
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_pay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    forget_extensions(self);
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
  forget_extensions(GST_RTP_E2EE_PAY(object));
  G_OBJECT_CLASS(gst_rtp_e2ee_pay_parent_class)->finalize(object);
}

static void gst_rtp_e2ee_pay_init(GstRtpE2EEPay *self) {
  self->picture_id_mode = kDefaultPictureIdMode;
  self->picture_id_offset = kRandomOffset;
  draw_picture_id_unlocked(self);
  // GObject hands out zeroed memory, in which no constructor ran.
  self->numbering = Numbering{};
  self->talkspurt = TRUE;
}

static void install_properties(GObjectClass *object_class) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_PLAYING);
  /**
   * GstRtpE2EEPay:picture-id-mode:
   *
   * Whether and how VP8 and VP9 pictures are numbered. Setting it draws a new first id.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_PICTURE_ID_MODE,
      g_param_spec_enum("picture-id-mode", "Picture ID mode",
                        "Width of the picture ID of VP8 and VP9; VP9 receivers expect 15 bits. "
                        "Setting it starts over from picture-id-offset (default 15-bit)",
                        picture_id_mode_get_type(), static_cast<int>(kDefaultPictureIdMode),
                        flags));
  /**
   * GstRtpE2EEPay:picture-id-offset:
   *
   * The picture ID of the first frame, cut to the width of #GstRtpE2EEPay:picture-id-mode.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_PICTURE_ID_OFFSET,
      g_param_spec_int("picture-id-offset", "Picture ID offset",
                       "Picture ID of the next frame; later frames count on from it "
                       "(-1 = random, default)",
                       kRandomOffset, 0x7fff, kRandomOffset, flags));
  gst_type_mark_as_plugin_api(picture_id_mode_get_type(), static_cast<GstPluginAPIFlags>(0));
}

static void add_pad_template(GstElementClass *element_class, const char *name,
                             GstPadDirection direction, GstCaps *caps) {
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
}

static void gst_rtp_e2ee_pay_class_init(GstRtpE2EEPayClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base_class = GST_RTP_BASE_PAYLOAD_CLASS(klass);

  object_class->set_property = gst_rtp_e2ee_pay_set_property;
  object_class->get_property = gst_rtp_e2ee_pay_get_property;
  object_class->finalize = gst_rtp_e2ee_pay_finalize;
  install_properties(object_class);

  add_pad_template(element_class, "sink", GST_PAD_SINK, e2ee::rtp::all_frame_caps());
  add_pad_template(element_class, "src", GST_PAD_SRC, e2ee::rtp::all_rtp_caps());
  gst_element_class_set_static_metadata(
      element_class, "RTP payloader for encrypted frames", "Codec/Payloader/Network/RTP",
      "Puts encrypted VP8, VP9 and Opus frames in RTP packets without reading them",
      "The gst-e2ee authors");
  element_class->change_state = gst_rtp_e2ee_pay_change_state;

  base_class->get_caps = gst_rtp_e2ee_pay_get_caps;
  base_class->set_caps = gst_rtp_e2ee_pay_set_caps;
  base_class->handle_buffer = gst_rtp_e2ee_pay_handle_buffer;
  base_class->sink_event = gst_rtp_e2ee_pay_sink_event;
}
