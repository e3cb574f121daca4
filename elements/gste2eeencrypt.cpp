/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-e2eeencrypt
 * @title: e2eeencrypt
 * @short_description: encrypts encoded frames end to end
 *
 * Encrypts each encoded frame so that only the holders of the key can read it, and leaves in the
 * clear what media servers and RTP payloaders need. It stands between the encoder or parser and the
 * payloader; nothing behind it may parse the frames, so no parser goes there.
 *
 * With the schemes `livekit`, `realtimekit` and `jitsi` VP8 and Opus go through the stock
 * payloaders, and so does VP9 with the latter two, H.264 and H.265 with the first; these leave as
 * avc and hvc1 with the parameter sets in the frames. VP9 with `livekit` and video with `sframe`
 * need rtpe2eepay.
 * VP9 with spatial layers goes through e2eevp9split first, which gives each layer frame a buffer
 * and thus a trailer of its own, so that media servers can leave layers out.
 *
 * A frame that cannot be encrypted is dropped, counted in `stats` and reported with a GstE2EEState
 * element message; it never leaves in the clear unless `enabled` is false.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! vp8enc deadline=1 ! e2eeencrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! rtpvp8pay ! udpsink host=127.0.0.1
 * port=5004
 * ]| Sends encrypted VP8 over RTP.
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true ! opusenc ! e2eeencrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! rtpopuspay ! udpsink host=127.0.0.1
 * port=5006
 * ]| The same for Opus.
 *
 * Since: 0.1
 */

#include "gste2eeencrypt.h"

#include "buffers/buffersealer.h"
#include "buffers/frametail.h"
#include "buffers/sframertp.h"
#include "elementkeys.h"
#include "elementproperties.h"
#include "pads.h"

GST_DEBUG_CATEGORY_STATIC(gst_e2ee_encrypt_debug);
#define GST_CAT_DEFAULT gst_e2ee_encrypt_debug

using e2ee::Base;
using e2ee::FrameCryptor;
using e2ee::Reason;
using Taken = e2ee::BufferSealer::Taken;

struct _GstE2EEEncrypt {
  GstE2EEBase parent;
  e2ee::BufferSealer *sealer;
  GstEvent *stream;  // its STREAM_START
};

G_DEFINE_TYPE_WITH_CODE(GstE2EEEncrypt, gst_e2ee_encrypt, GST_TYPE_E2EE_BASE,
                        GST_DEBUG_CATEGORY_INIT(gst_e2ee_encrypt_debug, "e2eeencrypt", 0,
                                                "Encrypts frames end to end"))
GST_ELEMENT_REGISTER_DEFINE(e2eeencrypt, "e2eeencrypt", GST_RANK_NONE, GST_TYPE_E2EE_ENCRYPT)

namespace {

bool has_nal_units(const Base &base) {
  const e2ee::CodecRule *codec = base.codec.load();
  return codec != nullptr && codec->nal != nullptr;
}

// What is not going to be encrypted gets the format of the caps.
Taken take_frame(GstE2EEBase *element, GstBuffer *&buffer, bool enabled) {
  e2ee::BufferSealer &sealer = *GST_E2EE_ENCRYPT(element)->sealer;
  const Taken taken = sealer.take(buffer);
  return taken != Taken::frame || enabled || sealer.output().finish_clear(buffer) ? taken
                                                                                  : Taken::nothing;
}

GstFlowReturn encrypt_frame(GstE2EEBase *element, GstBuffer *buffer) {
  const GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  Base &base = e2ee::base_of(element);
  GstFlowReturn flow = GST_FLOW_OK;
  const bool enabled = base.enabled;
  const bool nal_units = has_nal_units(base);
  const Taken taken = nal_units ? take_frame(element, buffer, enabled) : Taken::frame;
  if (taken == Taken::part) {
    GST_LOG_OBJECT(element, "keeping a part of the next frame: %" GST_PTR_FORMAT, buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
  }
  base.counters.frame_came();
  if (taken == Taken::nothing)
    return e2ee::drop_frame(element, buffer, Reason::malformed, 0);
  if (G_UNLIKELY(e2ee::handle_special(element, buffer, enabled, flow)))
    return flow;
  const e2ee::CodecRule &codec = *base.codec.load();
  const bool trailer = base.settings.options.packet_trailer && codec.video;
  const FrameCryptor::Result result =
      self->sealer->seal(*base.cryptor, codec, buffer, trailer ? e2ee::kPacketTrailerSize : 0);
  if (G_UNLIKELY(result.reason != Reason::ok))
    return e2ee::drop_frame(element, buffer, result.reason, result.key_id);
  if (trailer)
    buffer =
        e2ee::append_packet_trailer(buffer, nal_units && self->sealer->output().is_byte_stream());
  GST_LOG_OBJECT(element, "frame of %" G_GSIZE_FORMAT " bytes under key %" G_GUINT64_FORMAT,
                 result.size, result.key_id);
  return e2ee::push_frame(element, buffer, result);
}

void gst_e2ee_encrypt_start(GstE2EEBase *element) {
  e2ee::FrameCryptor &cryptor = *e2ee::base_of(element).cryptor;
  cryptor.set_ssrc(e2ee::base_of(element).settings.options.ssrc);  // it may have been another one
  cryptor.on(FrameCryptor::Event::keys_withdrawn,
             [element, &cryptor] { e2ee::recall_frame(element, cryptor); });
}

bool has_scheme_sframe(const Base &base) {
  return base.settings.options.scheme == GST_E2EE_SCHEME_SFRAME;
}

const e2ee::CodecRule *gst_e2ee_encrypt_codec_of(GstE2EEBase *element, GstCaps *caps) {
  const Base &base = e2ee::base_of(element);
  const e2ee::CodecRule *codec = e2ee::codec_of_caps(gst_caps_get_structure(caps, 0));
  const bool over_rtp = codec != nullptr && has_scheme_sframe(base) &&
                        e2ee::sframe_rtp_peer(base.src, caps) != e2ee::RtpPeer::none;
  return over_rtp ? &e2ee::whole_frames_of(*codec) : codec;
}

void refuse_caps(GstE2EEBase *element, GstCaps *caps, const char *why) {
  if (e2ee::base_of(element).refusal.is_news(caps))
    GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("%s", why), ("%" GST_PTR_FORMAT, caps));
}

// What nobody encrypts keeps its format.
GstCaps *gst_e2ee_encrypt_output_caps(GstE2EEBase *element, GstCaps *caps) {
  e2ee::BufferSealer &sealer = *GST_E2EE_ENCRYPT(element)->sealer;
  Base &base = e2ee::base_of(element);
  const e2ee::CodecRule *codec = base.codec;
  const bool over_rtp = codec != nullptr && codec->whole;
  sealer.output().reset();
  sealer.set_nal_format(base.settings.nal_format);
  sealer.input().sets().learn_all(over_rtp);
  if (!sealer.input().set_caps(caps)) {
    refuse_caps(element, caps,
                "The codec_data of the caps cannot be read: put h264parse or h265parse in front");
    return nullptr;
  }
  if (over_rtp)
    return e2ee::with_sframe_rtp(caps);
  if (codec != nullptr && e2ee::sframe_rtp_peer(base.src, caps) == e2ee::RtpPeer::only) {
    refuse_caps(element, caps,
                "A payloader with payload-format=sframe carries scheme sframe alone: set "
                "scheme=sframe here, or payload-format=codec there");
    return nullptr;
  }
  return has_nal_units(base)
             ? sealer.output().choose(caps, e2ee::takes_byte_streams_only(base.src, caps))
             : gst_caps_ref(caps);
}

// A payloader whose SSRC collided has another one from its next packet on. No frame of that goes
// out under the key of the old one.
gboolean src_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  if (!gst_event_has_name(event, "e2ee-ssrc"))
    return gst_pad_event_default(pad, parent, event);
  Base &base = e2ee::base_of(GST_E2EE_BASE(parent));
  guint ssrc = 0;
  const std::shared_ptr<FrameCryptor> cryptor = e2ee::ref_cryptor(base);
  if (gst_structure_get_uint(gst_event_get_structure(event), "ssrc", &ssrc) && cryptor) {
    GST_INFO_OBJECT(parent, "the SSRC is %u from now on", ssrc);
    cryptor->set_ssrc(ssrc);
  }
  gst_event_unref(event);
  return TRUE;
}

// A new stream has parameter sets of its own. One that an application links again sends the same
// event once more, but not its parameter sets.
gboolean gst_e2ee_encrypt_sink_event(GstE2EEBase *element, GstEvent *event) {
  GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START && gst_event_replace(&self->stream, event))
    self->sealer->input().new_stream();
  else if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    self->sealer->input().sets().flush();
  return GST_E2EE_BASE_CLASS(gst_e2ee_encrypt_parent_class)->sink_event(element, event);
}

void gst_e2ee_encrypt_finalize(GObject *object) {
  delete GST_E2EE_ENCRYPT(object)->sealer;
  gst_clear_event(&GST_E2EE_ENCRYPT(object)->stream);
  G_OBJECT_CLASS(gst_e2ee_encrypt_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_encrypt_class_init(GstE2EEEncryptClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  object_class->finalize = gst_e2ee_encrypt_finalize;
  GST_E2EE_BASE_CLASS(klass)->frame = GST_DEBUG_FUNCPTR(encrypt_frame);
  GST_E2EE_BASE_CLASS(klass)->codec_of = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_codec_of);
  GST_E2EE_BASE_CLASS(klass)->output_caps = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_output_caps);
  GST_E2EE_BASE_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_start);
  GST_E2EE_BASE_CLASS(klass)->sink_event = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_sink_event);
  e2ee::install_encrypt_properties(object_class);
  e2ee::describe_element(
      element_class,
      {"End-to-end frame encryptor", "Filter/Encryptor/Network",
       "Encrypts encoded frames end to end, readable by WebRTC clients that hold the key"},
      e2ee::media_caps(), e2ee::media_caps());
}

static void gst_e2ee_encrypt_init(GstE2EEEncrypt *self) {
  self->sealer = new e2ee::BufferSealer;
  e2ee::add_base_pads(GST_E2EE_BASE(self));
  Base &base = e2ee::base_of(GST_E2EE_BASE(self));
  base.formats = e2ee::NalFormats::lengths_first;
  base.encrypts = true;
  gst_pad_set_event_function(base.src, GST_DEBUG_FUNCPTR(src_event));
}
