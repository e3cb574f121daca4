/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-rtpe2eedepay
 * @title: rtpe2eedepay
 * @short_description: RTP depayloader for encrypted VP8, VP9 and Opus frames
 * @see_also: rtpe2eepay, e2eedecrypt, e2eevp9merge
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
 *
 * Since: 0.1
 */
#include "gstrtpe2eedepay.h"

#include <gst/e2ee/e2ee.h>
#include <gst/rtp/rtp.h>

#include "buffers/framesettings.h"
#include "keyunit.h"
#include "owned.h"
#include "pads.h"
#include "properties.h"
#include "rtp_loss.h"
#include "rtp_meta.h"
#include "rtp_stream.h"

using e2ee::rtp::Format;
using e2ee::rtp::Frame;
using e2ee::rtp::FrameCaps;
using e2ee::rtp::Packet;
using e2ee::rtp::Stream;

GST_DEBUG_CATEGORY_STATIC(rtp_e2ee_depay_debug);
#define GST_CAT_DEFAULT rtp_e2ee_depay_debug

namespace {

struct Depay {
  std::atomic<bool> wait_for_keyframe{false};
  std::atomic<bool> request_keyframe{false};
  std::atomic<GstE2EEClearHeader> clear_header{GST_E2EE_CLEAR_HEADER_SCHEME};

  // The rest belongs to the streaming thread.
  const Format *format = nullptr;
  FrameCaps caps;
  Stream stream;              // starts over with a flush
  bool gap = false;           // packets are missing in front of the next one
  e2ee::EventPtr lost_event;  // of packets that may have been no part of any frame
  e2ee::KeyUnitRequests key_units;
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

namespace {

Depay &depay_of(gpointer element) {
  return *GST_RTP_E2EE_DEPAY(element)->depay;
}

// ---- Losses

void start_over(Depay &self) {
  self.lost_event.reset();
  self.stream = Stream{};
  self.gap = false;
}

void take_format(Depay &self, const Format *format) {
  start_over(self);
  self.format = format;
  self.caps = {};
}

void ask_for_key_unit(GstRTPBaseDepayload *base) {
  depay_of(base).key_units.ask(GST_RTP_BASE_DEPAYLOAD_SINKPAD(base));
}

// A frame that was on the way is gone, or some that never arrived.
void lose(GstRTPBaseDepayload *base, const char *why) {
  Depay &self = depay_of(base);
  GST_DEBUG_OBJECT(base, "frame lost: %s", why);
  self.stream.lose(self.wait_for_keyframe);
  if (self.request_keyframe)
    ask_for_key_unit(base);
}

// Takes the event.
void tell_of_loss(GstRTPBaseDepayload *base, GstEvent *event) {
  GST_RTP_BASE_DEPAYLOAD_CLASS(gst_rtp_e2ee_depay_parent_class)->packet_lost(base, event);
  gst_event_unref(event);
}

void close_gap(GstRTPBaseDepayload *base, const Packet &packet) {
  Depay &self = depay_of(base);
  const bool lost = self.gap && !self.stream.goes_on(packet);
  self.gap = false;
  if (lost && self.lost_event)
    tell_of_loss(base, e2ee::rtp::certain_loss_event(self.lost_event.get()));
  self.lost_event.reset();
  if (lost && self.stream.has_begun())
    lose(base, "packets are missing");
}

// ---- Frames

// False when the frame that begins is of no use.
bool begin_frame(GstRTPBaseDepayload *base, const Packet &packet, guint32 rtp_time,
                 GstClockTime pts) {
  Stream &stream = depay_of(base).stream;
  if (stream.assembling()) {
    lose(base, "its end is missing");
    if (GST_CLOCK_TIME_IS_VALID(pts))
      tell_of_loss(base, e2ee::rtp::new_loss_event(pts));
  }
  stream.enter_picture(packet, rtp_time, pts);
  if (stream.waiting() && !packet.frame.keyframe) {
    GST_LOG_OBJECT(base, "dropped a frame while waiting for a key frame");
    stream.skip();
    ask_for_key_unit(base);
    return false;
  }
  if (stream.lacks_layer_below(packet.frame)) {
    lose(base, "the layer below is missing");
    return false;
  }
  stream.begin(packet.frame);
  return true;
}

GstBuffer *end_frame(GstRTPBaseDepayload *base, bool ends_picture) {
  Depay &self = depay_of(base);
  bool discont = false;
  GstBuffer *buffer = e2ee::rtp::without_packet_facts(self.stream.end(ends_picture, discont));
  const Frame &frame = self.stream.frame();
  if (GstCaps *caps = self.caps.next(*self.format, frame)) {
    gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(base), caps);
    gst_caps_unref(caps);
  }
  write_frame(buffer, frame, ends_picture);
  if (discont)
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  // Packets of one picture may have arrived at several times.
  GST_BUFFER_PTS(buffer) = self.stream.pts();
  return buffer;
}

// A packet of a format with descriptors; returns the frame that it completed.
GstBuffer *take_packet(GstRTPBaseDepayload *base, GstRTPBuffer *rtp, Packet &packet) {
  Depay &self = depay_of(base);
  const bool marker = gst_rtp_buffer_get_marker(rtp);
  packet.position.last |= marker;
  close_gap(base, packet);
  if (packet.position.first) {
    if (!begin_frame(base, packet, gst_rtp_buffer_get_timestamp(rtp), GST_BUFFER_PTS(rtp->buffer)))
      return nullptr;
  } else if (!self.stream.assembling()) {
    if (!self.stream.skipping())
      lose(base, "its start is missing");
    return nullptr;
  }
  if (!self.stream.add(gst_rtp_buffer_get_payload_subbuffer(
          rtp, static_cast<guint>(packet.descriptor), G_MAXUINT))) {
    lose(base, "it does not end");
    return nullptr;
  }
  return packet.position.last ? end_frame(base, marker) : nullptr;
}

}  // namespace

// ---- GstRTPBaseDepayload

static GstBuffer *gst_rtp_e2ee_depay_process(GstRTPBaseDepayload *base, GstRTPBuffer *rtp) {
  Depay &self = depay_of(base);
  const std::span<const guint8> payload(
      static_cast<const guint8 *>(gst_rtp_buffer_get_payload(rtp)),
      gst_rtp_buffer_get_payload_len(rtp));
  if (GST_BUFFER_IS_DISCONT(rtp->buffer))
    self.gap = true;
  // Padding alone, as probes of the bandwidth have it, is no part of any frame.
  if (payload.empty() || self.format == nullptr)
    return nullptr;
  if (self.format->read_descriptor == nullptr)
    return e2ee::rtp::without_packet_facts(gst_rtp_buffer_get_payload_buffer(rtp));

  Packet packet;
  if (!self.format->read_descriptor(payload, packet)) {
    lose(base, "a malformed packet");
    return nullptr;
  }
  if (packet.position.first && self.format->read_payload_header != nullptr &&
      self.clear_header != GST_E2EE_CLEAR_HEADER_NONE)
    self.format->read_payload_header(payload.subspan(packet.descriptor), packet);
  return take_packet(base, rtp, packet);
}

static gboolean gst_rtp_e2ee_depay_set_caps(GstRTPBaseDepayload *base, GstCaps *caps) {
  Depay &self = depay_of(base);
  const GstStructure *rtp_caps = gst_caps_get_structure(caps, 0);
  const Format *format = e2ee::rtp::format_for_rtp_caps(rtp_caps);
  if (format == nullptr) {
    GST_ELEMENT_ERROR(base, STREAM, FORMAT,
                      ("No depayloader for this payload: it takes VP8, VP9 and Opus"),
                      ("%" GST_PTR_FORMAT, caps));
    return FALSE;
  }
  gint clock_rate = 0;
  gst_structure_get_int(rtp_caps, "clock-rate", &clock_rate);
  base->clock_rate = clock_rate > 0 ? static_cast<guint>(clock_rate) : format->clock_rate;
  if (format != self.format)
    take_format(self, format);
  if (format->describe_frame_caps == nullptr)
    return TRUE;  // with the first frame, which may tell more

  GstCaps *frame_caps = e2ee::rtp::frame_caps_of(*format);
  gboolean done = format->describe_frame_caps(rtp_caps, gst_caps_get_structure(frame_caps, 0));
  if (!done)
    GST_ELEMENT_ERROR(base, STREAM, FORMAT,
                      ("The caps of the RTP stream lack parameters, or have bad ones: take them "
                       "over from the sender's SDP"),
                      ("%" GST_PTR_FORMAT, caps));
  done = done && gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(base), frame_caps);
  gst_caps_unref(frame_caps);
  return done;
}

static gboolean gst_rtp_e2ee_depay_packet_lost(GstRTPBaseDepayload *base, GstEvent *event) {
  Depay &self = depay_of(base);
  gboolean uncertain = FALSE;
  gst_structure_get_boolean(gst_event_get_structure(event), "might-have-been-fec", &uncertain);
  if (self.format == nullptr || self.format->read_descriptor == nullptr || !uncertain) {
    tell_of_loss(base, gst_event_ref(event));
  } else if (self.stream.between_pictures()) {
    // The next packet tells.
    self.lost_event.reset(gst_event_ref(event));
  } else {
    tell_of_loss(base, e2ee::rtp::certain_loss_event(event));
  }
  return TRUE;
}

static gboolean gst_rtp_e2ee_depay_handle_event(GstRTPBaseDepayload *base, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    start_over(depay_of(base));
  return GST_RTP_BASE_DEPAYLOAD_CLASS(gst_rtp_e2ee_depay_parent_class)->handle_event(base, event);
}

// ---- GObject and GstElement

static GstStateChangeReturn gst_rtp_e2ee_depay_change_state(GstElement *element,
                                                            GstStateChange transition) {
  Depay &self = depay_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    take_format(self, nullptr);
    self.key_units.reset();
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_rtp_e2ee_depay_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    start_over(self);
  return result;
}

namespace {

using e2ee::kClearHeader;
enum : guint { kWaitForKeyframe = e2ee::kFurtherProperties, kRequestKeyframe };

constexpr e2ee::Property kProperties[] = {
    /**
     * GstRtpE2EEDepay:wait-for-keyframe:
     *
     * Delivers no frame of VP8 or VP9 after a loss until the next key frame. Can be set at any
     * time.
     *
     * Since: 0.1
     */
    {kWaitForKeyframe, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_boolean(
           "wait-for-keyframe", "Wait for Keyframe",
           "Deliver no frame of VP8 or VP9 after a loss until the next key frame", FALSE, flags);
     }},
    /**
     * GstRtpE2EEDepay:request-keyframe:
     *
     * Asks upstream for a key frame of VP8 or VP9 when one was lost, at most twice a second. Can be
     * set at any time.
     *
     * Since: 0.1
     */
    {kRequestKeyframe, e2ee::kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_boolean("request-keyframe", "Request Keyframe",
                                   "Ask upstream for a key frame of VP8 or VP9 when one was lost, "
                                   "at most twice a second",
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
};

}  // namespace

static void gst_rtp_e2ee_depay_set_property(GObject *object, guint id, const GValue *value,
                                            GParamSpec *pspec) {
  Depay &self = depay_of(object);
  if (id == kWaitForKeyframe)
    self.wait_for_keyframe = g_value_get_boolean(value);
  else if (id == kRequestKeyframe)
    self.request_keyframe = g_value_get_boolean(value);
  else if (id == kClearHeader)
    self.clear_header = static_cast<GstE2EEClearHeader>(g_value_get_enum(value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_depay_get_property(GObject *object, guint id, GValue *value,
                                            GParamSpec *pspec) {
  const Depay &self = depay_of(object);
  if (id == kWaitForKeyframe)
    g_value_set_boolean(value, self.wait_for_keyframe);
  else if (id == kRequestKeyframe)
    g_value_set_boolean(value, self.request_keyframe);
  else if (id == kClearHeader)
    g_value_set_enum(value, self.clear_header);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_rtp_e2ee_depay_finalize(GObject *object) {
  delete GST_RTP_E2EE_DEPAY(object)->depay;
  G_OBJECT_CLASS(gst_rtp_e2ee_depay_parent_class)->finalize(object);
}

static void gst_rtp_e2ee_depay_init(GstRtpE2EEDepay *self) {
  self->depay = new Depay;
}

static void gst_rtp_e2ee_depay_class_init(GstRtpE2EEDepayClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base_class = GST_RTP_BASE_DEPAYLOAD_CLASS(klass);
  object_class->set_property = gst_rtp_e2ee_depay_set_property;
  object_class->get_property = gst_rtp_e2ee_depay_get_property;
  object_class->finalize = gst_rtp_e2ee_depay_finalize;
  e2ee::install_properties(object_class, kProperties);
  e2ee::describe_element(
      element_class,
      {"RTP depayloader for encrypted frames", "Codec/Depayloader/Network/RTP",
       "Takes encrypted VP8, VP9 and Opus frames from RTP packets without reading them"},
      e2ee::rtp::all_received_rtp_caps(), e2ee::rtp::all_frame_caps());
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_change_state);
  base_class->process_rtp_packet = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_process);
  base_class->set_caps = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_set_caps);
  base_class->packet_lost = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_packet_lost);
  base_class->handle_event = GST_DEBUG_FUNCPTR(gst_rtp_e2ee_depay_handle_event);
}
