/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-rtpe2eepay
 * @title: rtpe2eepay
 * @short_description: RTP payloader for encrypted frames
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
 * With `payload-format=sframe` the packets are SFrame over RTP (draft-ietf-avtcore-rtp-sframe), one
 * ciphertext for each frame (T=0). It carries H.264, H.265, AV1, VP8, VP9 and Opus alike, and takes
 * no other caps than those with `e2ee=(string)sframe-rtp`, which e2eeencrypt gives. Each packet
 * begins with one byte that says whether a ciphertext begins (S) or ends (E) with it. A ciphertext
 * of any codec may span packets. Encoding name, clock rate and payload type are the media's. The
 * src caps say `a-sframe`, which webrtcbin writes as `a=sframe`.
 *
 * SFrame may have a key for each SSRC: the payloader then tells upstream under which SSRC its
 * packets go, by the custom event `e2ee-ssrc` with the field `ssrc` (uint), before the first frame
 * and after each `GstRTPCollision`. A frame that is on its way from the encryptor meanwhile cannot
 * be decrypted.
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
 * |[
 * gst-launch-1.0 videotestsrc ! x264enc tune=zerolatency ! e2eeencrypt scheme=sframe
 * key-provider="shared,passphrase=for-tests-only" ! rtpe2eepay payload-format=sframe ! udpsink
 * host=127.0.0.1 port=5004
 * ]| Sends H.264 in SFrame over RTP.
 *
 * Since: 0.1
 */
#include "gstrtpe2eepay.h"

#include <gst/e2ee/e2ee.h>
#include <gst/rtp/rtp.h>

#include <atomic>
#include <utility>

#include "pads.h"
#include "properties.h"
#include "rtp_packetizer.h"
#include "rtp_payloadformat.h"

using e2ee::rtp::Format;
using e2ee::rtp::Packetizer;
using e2ee::rtp::PayloadFormat;
using e2ee::rtp::PictureIdMode;
using e2ee::rtp::Pictures;

GST_DEBUG_CATEGORY(rtp_e2ee_pay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_pay_debug

namespace {

constexpr gint64 kNoSsrc = -1;

struct Pay {
  explicit Pay(GstRTPBasePayload *payloader) : packetizer(payloader) {}

  std::atomic<PayloadFormat> payload_format{PayloadFormat::Codec};
  std::atomic<gint64> told_ssrc{kNoSsrc};  // what upstream was told last
  bool told_unprotected = false;           // on the streaming thread
  Packetizer packetizer;
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

// SFrame may have a key for each SSRC, which the encryptor can only know from here: downstream
// suggests one, and another is chosen after a collision.
void tell_ssrc(GstRTPBasePayload *base) {
  Pay &self = pay_of(base);
  const guint32 ssrc = base->current_ssrc;
  if (self.payload_format != PayloadFormat::SFrame || self.told_ssrc == ssrc)
    return;
  gst_pad_push_event(
      GST_RTP_BASE_PAYLOAD_SINKPAD(base),
      gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                           gst_structure_new("e2ee-ssrc", "ssrc", G_TYPE_UINT, ssrc, nullptr)));
  self.told_ssrc = ssrc;
}

// Whoever reads a=sframe takes for granted that nothing is in the clear.
bool may_leave(GstRTPBasePayload *base, GstBuffer *frame) {
  Pay &self = pay_of(base);
  if (self.payload_format != PayloadFormat::SFrame || !gst_e2ee_buffer_is_unprotected(frame))
    return true;
  if (!std::exchange(self.told_unprotected, true))
    GST_ELEMENT_WARNING(base, STREAM, ENCODE,
                        ("Frames that are not encrypted do not leave as SFrame over RTP: set "
                         "enabled=true in e2eeencrypt, or negotiate a stream without a=sframe"),
                        (nullptr));
  return false;
}

// What frames downstream takes (transfer full).
GstCaps *accepted_frame_caps(GstRTPBasePayload *base) {
  GstCaps *own = gst_pad_get_pad_template_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base));
  GstCaps *peer = gst_pad_peer_query_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base), own);
  GstCaps *caps = gst_caps_new_empty();
  for (const Format *format : e2ee::rtp::formats(pay_of(base).payload_format))
    e2ee::rtp::append_frame_caps(*format, peer != nullptr ? peer : own, caps);
  gst_clear_caps(&peer);
  gst_caps_unref(own);
  return caps;
}

// Fields of RTP caps that are known from the frame caps (transfer full).
GstStructure *rtp_fields(const Format &format, const GstStructure *frame_caps) {
  GstStructure *fields = gst_structure_new_empty("unused");
  if (format.describe_rtp_caps != nullptr)
    format.describe_rtp_caps(frame_caps, fields);
  if (format.sframe)
    gst_structure_set(fields, e2ee::rtp::kSFrameAttribute, G_TYPE_STRING, "", nullptr);
  return fields;
}

}  // namespace

// ---- GstRTPBasePayload

static GstCaps *gst_rtp_e2ee_pay_get_caps(GstRTPBasePayload *base, GstPad *pad, GstCaps *filter) {
  if (pad != GST_RTP_BASE_PAYLOAD_SINKPAD(base))
    return GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->get_caps(base, pad, filter);
  GstCaps *caps = accepted_frame_caps(base);
  if (filter != nullptr) {
    GstCaps *filtered = gst_caps_intersect_full(caps, filter, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    caps = filtered;
  }
  return caps;
}

static gboolean gst_rtp_e2ee_pay_set_caps(GstRTPBasePayload *base, GstCaps *caps) {
  Pay &self = pay_of(base);
  const Format *format = e2ee::rtp::format_for_frame_caps(self.payload_format, caps);
  if (format == nullptr) {
    GST_WARNING_OBJECT(base, "no payload format for %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  const GstStructure *frame_caps = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  gst_structure_get_int(frame_caps, "width", &width);
  gst_structure_get_int(frame_caps, "height", &height);
  self.packetizer.set_format(
      *format, {static_cast<guint>(MAX(width, 0)), static_cast<guint>(MAX(height, 0))});

  GstCaps *allowed = gst_pad_get_allowed_caps(GST_RTP_BASE_PAYLOAD_SRCPAD(base));
  gst_rtp_base_payload_set_options(base, format->media, TRUE,
                                   e2ee::rtp::choose_encoding_name(*format, allowed),
                                   format->clock_rate);
  gst_clear_caps(&allowed);

  GstStructure *fields = rtp_fields(*format, frame_caps);
  const gboolean done = gst_rtp_base_payload_set_outcaps_structure(base, fields);
  gst_structure_free(fields);
  self.told_ssrc = kNoSsrc;  // these caps may be the first of another encryptor
  tell_ssrc(base);
  return done;
}

static GstFlowReturn gst_rtp_e2ee_pay_handle_buffer(GstRTPBasePayload *base, GstBuffer *buffer) {
  tell_ssrc(base);
  const GstFlowReturn flow =
      may_leave(base, buffer) ? pay_of(base).packetizer.push(buffer) : GST_FLOW_OK;
  gst_buffer_unref(buffer);
  return flow;
}

static gboolean gst_rtp_e2ee_pay_sink_event(GstRTPBasePayload *base, GstEvent *event) {
  Packetizer &packetizer = pay_of(base).packetizer;
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_GAP || type == GST_EVENT_FLUSH_START)
    packetizer.pictures.skip_id();
  if (type == GST_EVENT_GAP)
    packetizer.end_talkspurt();
  return GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->sink_event(base, event);
}

static gboolean gst_rtp_e2ee_pay_src_event(GstRTPBasePayload *base, GstEvent *event) {
  const bool collision = gst_event_has_name(event, "GstRTPCollision");
  const gboolean done =
      GST_RTP_BASE_PAYLOAD_CLASS(gst_rtp_e2ee_pay_parent_class)->src_event(base, event);
  if (collision)
    tell_ssrc(base);
  return done;
}

// ---- GObject and GstElement

static GstStateChangeReturn gst_rtp_e2ee_pay_change_state(GstElement *element,
                                                          GstStateChange transition) {
  Pay &self = pay_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    self.told_ssrc = kNoSsrc;
    self.told_unprotected = false;
    self.packetizer.start();
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_pay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    self.packetizer.stop();
  return result;
}

namespace {

enum : guint { kPictureIdMode = 1, kPictureIdOffset, kPayloadFormat };

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
    /**
     * GstRtpE2EEPay:payload-format:
     *
     * Whether packets are laid out as their codec has it, or as SFrame over RTP. Can be set in NULL
     * and READY.
     *
     * Since: 0.1
     */
    {kPayloadFormat, e2ee::kSetInReady, e2ee::rtp::payload_format_property},
};

}  // namespace

static void gst_rtp_e2ee_pay_set_property(GObject *object, guint id, const GValue *value,
                                          GParamSpec *pspec) {
  Pay &self = pay_of(object);
  Pictures &pictures = self.packetizer.pictures;
  if (id == kPictureIdMode)
    pictures.set_mode(static_cast<PictureIdMode>(g_value_get_enum(value)));
  else if (id == kPictureIdOffset)
    pictures.set_offset(g_value_get_int(value));
  else if (id == kPayloadFormat)
    self.payload_format = static_cast<PayloadFormat>(g_value_get_enum(value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_pay_get_property(GObject *object, guint id, GValue *value,
                                          GParamSpec *pspec) {
  const Pay &self = pay_of(object);
  const Pictures &pictures = self.packetizer.pictures;
  if (id == kPictureIdMode)
    g_value_set_enum(value, static_cast<int>(pictures.mode()));
  else if (id == kPictureIdOffset)
    g_value_set_int(value, pictures.offset());
  else if (id == kPayloadFormat)
    g_value_set_enum(value, static_cast<int>(self.payload_format.load()));
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
  for (const GType type : {picture_id_mode_get_type(), e2ee::rtp::payload_format_get_type()})
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  e2ee::describe_element(
      element_class,
      {"RTP payloader for encrypted frames", "Codec/Payloader/Network/RTP",
       "Puts encrypted frames in RTP packets without reading them: VP8, VP9 and Opus, and with "
       "payload-format=sframe H.264, H.265 and AV1 as well"},
      e2ee::rtp::all_frame_caps(), e2ee::rtp::all_rtp_caps());
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_change_state);
  base_class->get_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_get_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_set_caps);
  base_class->handle_buffer = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_handle_buffer);
  base_class->sink_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_sink_event);
  base_class->src_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_pay_src_event);
}
