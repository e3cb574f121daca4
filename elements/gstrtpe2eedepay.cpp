/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-rtpe2eedepay
 * @title: rtpe2eedepay
 * @short_description: RTP depayloader for encrypted frames
 * @see_also: rtpe2eepay, e2eedecrypt, e2eereddec, e2eevp9merge
 *
 * Takes frames out of RTP packets of VP8 (RFC 7741), VP9 (RFC 9628, both modes) and Opus (RFC 7587)
 * without reading them: only payload descriptors and, for VP8, the payload header, which is in the
 * clear unless `clear-header` is none.
 *
 * Each layer frame of VP9 SVC leaves in a buffer of its own, since each has a trailer of its own.
 * Those of one picture have the same timestamp, and the last has #GST_BUFFER_FLAG_MARKER.
 * Decrypted, they go through e2eevp9merge to a decoder, parser or muxer. #GstE2EEFrameMeta says
 * which layer a frame is of, whether it is a key frame, and its size where the packets told.
 *
 * A frame that is not complete, or whose lower layer is not, is dropped. Nothing is delivered
 * before the first key frame; with `wait-for-keyframe` nothing after a loss either, until the next
 * one.
 *
 * With `payload-format=sframe` the packets are SFrame over RTP (draft-ietf-avtcore-rtp-sframe) of
 * H.264, H.265, AV1, VP8, VP9 or Opus. A ciphertext is what lies between a packet with S and one
 * with E, with consecutive sequence numbers, the same SSRC, payload type and T bit; several may
 * have one timestamp. Frames leave as caps of the media with `e2ee=(string)sframe-rtp` and `ssrc`,
 * the media's SSRC. Nothing of them can be read: each counts as a key frame, and there is no
 * #GstE2EEFrameMeta. Where the sender encrypted packets (T=1), each ciphertext leaves as an RTP
 * packet with such caps of application/x-rtp: headers as they came, sequence numbers of its own,
 * with a gap for a loss. e2eedecrypt makes an RTP packet of it that the codec's own depayloader
 * takes.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 udpsrc port=5004
 * caps="application/x-rtp,media=video,encoding-name=VP9,clock-rate=90000,payload=96" !
 * rtpjitterbuffer ! rtpe2eedepay ! e2eedecrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! e2eevp9merge ! vp9dec !
 * videoconvert ! autovideosink
 * ]| Shows encrypted VP9, with or without spatial layers.
 * |[
 * gst-launch-1.0 udpsrc port=5006
 * caps="application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111" !
 * rtpjitterbuffer ! rtpe2eedepay ! e2eedecrypt scheme=sframe
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! opusdec ! autoaudiosink
 * ]| Plays Opus that was encrypted with SFrame.
 * |[
 * gst-launch-1.0 udpsrc port=5004
 * caps="application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96" !
 * rtpjitterbuffer ! rtpe2eedepay payload-format=sframe ! e2eedecrypt scheme=sframe
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! h264parse ! avdec_h264 !
 * videoconvert ! autovideosink
 * ]| Shows H.264 that came as SFrame over RTP, a ciphertext for each frame.
 *
 * Since: 0.1
 */
#include "gstrtpe2eedepay.h"

#include <gst/rtp/rtp.h>

#include <string>

#include "buffers/framesettings.h"
#include "pads.h"
#include "properties.h"
#include "rtp_assembly.h"
#include "rtp_payloadformat.h"

using e2ee::rtp::Assembly;
using e2ee::rtp::Format;
using e2ee::rtp::PayloadFormat;

GST_DEBUG_CATEGORY(rtp_e2ee_depay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_depay_debug

namespace {

struct Depay {
  explicit Depay(GstRTPBaseDepayload *depayloader) : assembly(depayloader) {}

  std::atomic<PayloadFormat> payload_format{PayloadFormat::Codec};
  Assembly assembly;
};

}  // namespace

struct _GstRtpE2EEDepay {
  GstRTPBaseDepayload parent;
  Depay *depay;
};

G_DEFINE_TYPE_WITH_CODE(GstRtpE2EEDepay, gst_rtp_e2ee_depay, GST_TYPE_RTP_BASE_DEPAYLOAD,
                        GST_DEBUG_CATEGORY_INIT(rtp_e2ee_depay_debug, "rtpe2eedepay", 0,
                                                "RTP depayloader for encrypted frames"))
GST_ELEMENT_REGISTER_DEFINE(rtpe2eedepay, "rtpe2eedepay", GST_RANK_NONE, GST_TYPE_RTP_E2EE_DEPAY)

// ---- Caps

namespace {

Depay &depay_of(gpointer element) {
  return *GST_RTP_E2EE_DEPAY(element)->depay;
}

// Why the caps of a stream are refused.
std::string refusal(PayloadFormat payload_format, const GstStructure *rtp_caps) {
  if (payload_format == PayloadFormat::Codec &&
      gst_structure_has_field(rtp_caps, e2ee::rtp::kSFrameAttribute))
    return "The session description says that this stream is SFrame over RTP (a=sframe): set "
           "payload-format=sframe";
  std::string names;
  for (const Format *format : e2ee::rtp::formats(payload_format))
    names.append(names.empty() ? "" : ", ").append(format->encoding_names[0]);
  return "No depayloader for this payload: it takes " + names;
}

const Format *format_for(PayloadFormat payload_format, const GstStructure *rtp_caps) {
  if (payload_format == PayloadFormat::Codec &&
      gst_structure_has_field(rtp_caps, e2ee::rtp::kSFrameAttribute))
    return nullptr;
  return e2ee::rtp::format_for_rtp_caps(payload_format, rtp_caps);
}

// Frame caps of a stream (transfer full); null, with an error on the bus, when it lacks parameters.
GstCaps *frame_caps_for(GstRTPBaseDepayload *base, const Format &format, const GstCaps *caps) {
  GstCaps *frame_caps = e2ee::rtp::frame_caps_of(format);
  if (format.describe_frame_caps == nullptr ||
      format.describe_frame_caps(gst_caps_get_structure(caps, 0),
                                 gst_caps_get_structure(frame_caps, 0)))
    return frame_caps;
  GST_ELEMENT_ERROR(base, STREAM, FORMAT,
                    ("The caps of the RTP stream lack parameters, or have bad ones: take them "
                     "over from the sender's SDP"),
                    ("%" GST_PTR_FORMAT, caps));
  gst_caps_unref(frame_caps);
  return nullptr;
}

}  // namespace

// ---- GstRTPBaseDepayload

static GstBuffer *gst_rtp_e2ee_depay_process(GstRTPBaseDepayload *base, GstRTPBuffer *rtp) {
  return depay_of(base).assembly.take(rtp);
}

static gboolean gst_rtp_e2ee_depay_set_caps(GstRTPBaseDepayload *base, GstCaps *caps) {
  Depay &self = depay_of(base);
  const GstStructure *rtp_caps = gst_caps_get_structure(caps, 0);
  const Format *format = format_for(self.payload_format, rtp_caps);
  if (format == nullptr) {
    GST_ELEMENT_ERROR(base, STREAM, FORMAT, ("%s", refusal(self.payload_format, rtp_caps).c_str()),
                      ("%" GST_PTR_FORMAT, caps));
    return FALSE;
  }
  gint clock_rate = 0;
  gst_structure_get_int(rtp_caps, "clock-rate", &clock_rate);
  base->clock_rate = clock_rate > 0 ? static_cast<guint>(clock_rate) : format->clock_rate;
  if (format != self.assembly.format())
    self.assembly.set_format(format);
  // Otherwise with the first frame, which may tell more.
  if (!format->sframe && format->describe_frame_caps == nullptr)
    return TRUE;

  e2ee::CapsPtr frame_caps(frame_caps_for(base, *format, caps));
  if (!frame_caps)
    return FALSE;
  if (!format->sframe)
    return gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(base), frame_caps.get());
  GstCaps *named = gst_caps_copy(caps);  // as depayloaders and e2eedecrypt spell it
  gst_caps_set_simple(named, "encoding-name", G_TYPE_STRING, format->encoding_names[0], nullptr);
  self.assembly.ciphertext_caps().set(frame_caps.release(), named);
  return TRUE;
}

static gboolean gst_rtp_e2ee_depay_packet_lost(GstRTPBaseDepayload *base, GstEvent *event) {
  depay_of(base).assembly.packet_lost(event);
  return TRUE;
}

static gboolean gst_rtp_e2ee_depay_handle_event(GstRTPBaseDepayload *base, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    depay_of(base).assembly.start_over();
  return GST_RTP_BASE_DEPAYLOAD_CLASS(gst_rtp_e2ee_depay_parent_class)->handle_event(base, event);
}

// ---- GObject and GstElement

static GstStateChangeReturn gst_rtp_e2ee_depay_change_state(GstElement *element,
                                                            GstStateChange transition) {
  Assembly &assembly = depay_of(element).assembly;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    assembly.start();
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_depay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    assembly.start_over();
  return result;
}

namespace {

using e2ee::kClearHeader;
enum : guint {
  kWaitForKeyframe = e2ee::kFurtherProperties,
  kRequestKeyframe,
  kPayloadFormat,
  kLosses
};

constexpr e2ee::Property kProperties[] = {
    /**
     * GstRtpE2EEDepay:wait-for-keyframe:
     *
     * Delivers no frame of VP8 or VP9 after a loss until the next key frame. Does nothing with
     * `payload-format=sframe`, which shows no key frames. Can be set at any time.
     *
     * Since: 0.1
     */
    {kWaitForKeyframe, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_boolean(
           "wait-for-keyframe", "Wait for Keyframe",
           "Deliver no frame of VP8 or VP9 after a loss until the next key frame; nothing with "
           "payload-format=sframe, which shows no key frames",
           FALSE, flags);
     }},
    /**
     * GstRtpE2EEDepay:request-keyframe:
     *
     * Asks upstream for a key frame of video when a frame was lost, at most twice a second. Can be
     * set at any time.
     *
     * Since: 0.1
     */
    {kRequestKeyframe, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_boolean(
           "request-keyframe", "Request Keyframe",
           "Ask upstream for a key frame of video when a frame was lost, at "
           "most twice a second",
           FALSE, flags);
     }},
    /**
     * GstRtpE2EEDepay:clear-header:
     *
     * As on the elements that encrypt and decrypt. VP8's descriptor does not tell key frames: where
     * its payload header is ciphertext, each frame counts as one, and nothing is waited for.
     *
     * Since: 0.1
     */
    {kClearHeader, e2ee::kSetAnyTime, e2ee::clear_header_property},
    /**
     * GstRtpE2EEDepay:payload-format:
     *
     * Whether packets are laid out as their codec has it, or as SFrame over RTP. Can be set in NULL
     * and READY.
     *
     * Since: 0.1
     */
    {kPayloadFormat, e2ee::kSetInReady, e2ee::rtp::payload_format_property},
    /**
     * GstRtpE2EEDepay:losses:
     *
     * How often, since READY, a frame was dropped because it was not complete, or packets were
     * missing in front of one. Not counted for the codec's own format of Opus, where a packet is a
     * frame.
     *
     * Since: 0.1
     */
    {kLosses, e2ee::kReadOnly,
     [](GParamFlags flags) {
       return g_param_spec_uint64("losses", "Losses",
                                  "How often, since READY, a frame was dropped because it was not "
                                  "complete, or packets were missing in front of one",
                                  0, G_MAXUINT64, 0, flags);
     }},
};

}  // namespace

static void gst_rtp_e2ee_depay_set_property(GObject *object, guint id, const GValue *value,
                                            GParamSpec *pspec) {
  Depay &self = depay_of(object);
  e2ee::rtp::AssemblySettings &settings = self.assembly.settings;
  if (id == kWaitForKeyframe)
    settings.wait_for_keyframe = g_value_get_boolean(value);
  else if (id == kRequestKeyframe)
    settings.request_keyframe = g_value_get_boolean(value);
  else if (id == kClearHeader)
    settings.clear_header = static_cast<GstE2EEClearHeader>(g_value_get_enum(value));
  else if (id == kPayloadFormat)
    self.payload_format = static_cast<PayloadFormat>(g_value_get_enum(value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_depay_get_property(GObject *object, guint id, GValue *value,
                                            GParamSpec *pspec) {
  const Depay &self = depay_of(object);
  const e2ee::rtp::AssemblySettings &settings = self.assembly.settings;
  if (id == kWaitForKeyframe)
    g_value_set_boolean(value, settings.wait_for_keyframe);
  else if (id == kRequestKeyframe)
    g_value_set_boolean(value, settings.request_keyframe);
  else if (id == kClearHeader)
    g_value_set_enum(value, settings.clear_header);
  else if (id == kPayloadFormat)
    g_value_set_enum(value, static_cast<int>(self.payload_format.load()));
  else if (id == kLosses)
    g_value_set_uint64(value, self.assembly.losses());
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_depay_finalize(GObject *object) {
  delete GST_RTP_E2EE_DEPAY(object)->depay;
  G_OBJECT_CLASS(gst_rtp_e2ee_depay_parent_class)->finalize(object);
}

static void gst_rtp_e2ee_depay_init(GstRtpE2EEDepay *self) {
  self->depay = new Depay(GST_RTP_BASE_DEPAYLOAD(self));
}

static void gst_rtp_e2ee_depay_class_init(GstRtpE2EEDepayClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base_class = GST_RTP_BASE_DEPAYLOAD_CLASS(klass);
  object_class->set_property = gst_rtp_e2ee_depay_set_property;
  object_class->get_property = gst_rtp_e2ee_depay_get_property;
  object_class->finalize = gst_rtp_e2ee_depay_finalize;
  e2ee::install_properties(object_class, kProperties);
  gst_type_mark_as_plugin_api(e2ee::rtp::payload_format_get_type(),
                              static_cast<GstPluginAPIFlags>(0));
  e2ee::describe_element(
      element_class,
      {"RTP depayloader for encrypted frames", "Codec/Depayloader/Network/RTP",
       "Takes encrypted frames from RTP packets without reading them: VP8, VP9 and Opus, and with "
       "payload-format=sframe H.264, H.265 and AV1 as well"},
      e2ee::rtp::all_received_rtp_caps(), e2ee::rtp::all_depayloaded_caps());
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_change_state);
  base_class->process_rtp_packet = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_process);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_set_caps);
  base_class->packet_lost = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_packet_lost);
  base_class->handle_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_handle_event);
}
