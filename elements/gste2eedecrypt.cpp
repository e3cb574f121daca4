/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-e2eedecrypt
 * @title: e2eedecrypt
 * @short_description: decrypts frames that were encrypted end to end
 *
 * Decrypts the frames of e2eeencrypt, or of a browser or native client that speaks the same scheme.
 * It stands between the depayloader or demuxer and the parser, decoder, muxer or application.
 *
 * Frames that do not verify are dropped, counted in `stats` and reported with a GstE2EEState
 * element message: neither ciphertext nor unverified plaintext leaves. When frames verify again it
 * asks upstream for a key frame.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 udpsrc port=5004
 * caps="application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96" !
 * rtpjitterbuffer ! rtpvp8depay ! e2eedecrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! vp8dec ! videoconvert !
 * autovideosink
 * ]| Shows encrypted VP8 received over RTP.
 * |[
 * gst-launch-1.0 filesrc location=sealed.mkv ! matroskademux ! e2eedecrypt
 * key-provider="shared,passphrase-file=/run/secrets/meeting" ! matroskamux ! filesink
 * location=open.mkv
 * ]| Opens a recording that was made of encrypted frames.
 *
 * Since: 0.1
 */

#include "gste2eedecrypt.h"

#include "buffers/bufferopener.h"
#include "buffers/clearframes.h"
#include "buffers/sframertp.h"
#include "elementkeys.h"
#include "elementproperties.h"
#include "holdqueue.h"
#include "keyunit.h"
#include "pads.h"

GST_DEBUG_CATEGORY_STATIC(gst_e2ee_decrypt_debug);
#define GST_CAT_DEFAULT gst_e2ee_decrypt_debug

using e2ee::Base;
using e2ee::FrameCryptor;
using e2ee::HoldQueue;
using e2ee::Reason;
using e2ee::ServerFrames;
using e2ee::Settings;

namespace e2ee {
namespace {

/// The C++ side of a GstE2EEDecrypt.
struct Decrypt {
  BufferOpener opener;
  std::unique_ptr<HoldQueue> queue;
  ServerFrames server_frames;

  std::atomic<bool> failing{false};  // since the last frame that passed
  std::atomic<bool> owes_key_unit{false};
  KeyUnitRequests key_units;
};

}  // namespace
}  // namespace e2ee

using e2ee::Decrypt;

struct _GstE2EEDecrypt {
  GstE2EEBase parent;
  e2ee::Decrypt *decrypt;
};

G_DEFINE_TYPE_WITH_CODE(GstE2EEDecrypt, gst_e2ee_decrypt, GST_TYPE_E2EE_BASE,
                        GST_DEBUG_CATEGORY_INIT(gst_e2ee_decrypt_debug, "e2eedecrypt", 0,
                                                "Decrypts frames end to end"))
GST_ELEMENT_REGISTER_DEFINE(e2eedecrypt, "e2eedecrypt", GST_RANK_NONE, GST_TYPE_E2EE_DECRYPT)

namespace {

Decrypt &decrypt_of(GstE2EEBase *element) {
  return *GST_E2EE_DECRYPT(element)->decrypt;
}

const Settings &settings_of(GstE2EEBase *element) {
  return e2ee::base_of(element).settings;
}

void ask_for_key_unit(GstE2EEBase *element) {
  // One that comes too early goes out with a frame that passes later.
  decrypt_of(element).owes_key_unit =
      !decrypt_of(element).key_units.ask(e2ee::base_of(element).sink);
}

// ---- what is not an encrypted frame -------------------------------------------------------------

// Frames in the clear may pass until this participant is known to encrypt; after that they are an
// attack or a mistake.
bool plaintext_may_pass(GstE2EEBase *element, GstBuffer *buffer, Reason &reason) {
  Base &base = e2ee::base_of(element);
  e2ee::MappedBuffer map(buffer, GST_MAP_READ);
  if (!map || base.cryptor->recognises(map.bytes()))
    return false;
  if (!base.cryptor->is_protected())
    return true;
  reason = Reason::plaintext;
  return false;
}

// ---- one frame ----------------------------------------------------------------------------------

GstFlowReturn pass_frame(GstE2EEBase *element, GstBuffer *buffer,
                         const FrameCryptor::Result &result) {
  Decrypt &self = decrypt_of(element);
  const bool recovered = G_UNLIKELY(self.failing) && self.failing.exchange(false);
  if (G_UNLIKELY(recovered || self.owes_key_unit) && e2ee::base_of(element).codec.load()->video)
    ask_for_key_unit(element);
  GST_LOG_OBJECT(element, "frame of %" G_GSIZE_FORMAT " bytes under key %" G_GUINT64_FORMAT,
                 result.size, result.key_id);
  return e2ee::push_frame(element, buffer, result);
}

GstFlowReturn fail_frame(GstE2EEBase *element, GstBuffer *buffer,
                         const FrameCryptor::Result &result, HoldQueue::Turn turn) {
  Reason reason = result.reason;
  e2ee::Report report = result.backing_off ? e2ee::Report::rarely : e2ee::Report::usual;
  if (reason == Reason::missing_key && turn.held) {
    reason = Reason::held_too_long;
    if (turn.again)
      report = e2ee::Report::already_done;  // when its wait began
  }
  if (reason == Reason::malformed && settings_of(element).options.allow_plaintext &&
      plaintext_may_pass(element, buffer, reason)) {
    e2ee::base_of(element).warnings.passed();
    return e2ee::push_unprotected(element, buffer);
  }
  return e2ee::drop_frame(element, buffer, reason, result.key_id, report);
}

HoldQueue::Attempt decrypt_frame(GstE2EEBase *element, GstBuffer *&buffer, HoldQueue::Turn turn,
                                 GstFlowReturn &flow) {
  Base &base = e2ee::base_of(element);
  const FrameCryptor::Result result =
      decrypt_of(element).opener.open(*base.cryptor, *base.codec.load(), buffer);
  if (G_LIKELY(result.reason == Reason::ok)) {
    flow = pass_frame(element, buffer, result);
    return HoldQueue::Attempt::done;
  }
  decrypt_of(element).failing = true;
  if (result.reason == Reason::missing_key && turn.may_wait) {
    if (!turn.again)
      base.reporter->report(e2ee::names_of(result.reason).state, e2ee::participant_of(base),
                            result.key_id);
    return HoldQueue::Attempt::key_missing;
  }
  flow = fail_frame(element, buffer, result, turn);
  return HoldQueue::Attempt::done;
}

// One frame in its turn.
HoldQueue::Attempt work_on_frame(GstE2EEBase *element, GstBuffer *&buffer, HoldQueue::Turn turn,
                                 GstFlowReturn &flow) {
  if (G_UNLIKELY(e2ee::handle_special(element, buffer, turn.enabled, flow)))
    return HoldQueue::Attempt::done;
  const auto kind = decrypt_of(element).server_frames.take(buffer, e2ee::base_of(element).counters);
  if (G_LIKELY(kind == ServerFrames::Kind::no))
    return decrypt_frame(element, buffer, turn, flow);
  flow = kind == ServerFrames::Kind::wanted ? e2ee::push_unprotected(element, buffer)
                                            : e2ee::drop_server_frame(element, buffer);
  return HoldQueue::Attempt::done;
}

GstFlowReturn frame_arrived(GstE2EEBase *element, GstBuffer *buffer) {
  Decrypt &self = decrypt_of(element);
  e2ee::base_of(element).counters.frame_came();
  if (!self.opener.take(buffer))
    return e2ee::drop_frame(element, buffer, Reason::malformed, 0);
  const bool enabled = e2ee::base_of(element).enabled;
  if (settings_of(element).key_wait > 0)
    return self.queue->push(buffer, enabled);
  GstFlowReturn flow = GST_FLOW_OK;
  work_on_frame(element, buffer, {false, false, false, enabled}, flow);
  return flow;
}

bool is_serialized(GstEvent *event) {
  return (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_SERIALIZED) != 0;
}

// The keys of each SSRC, where the application did not say which one it is. False, with an error
// posted, when the caps do not tell.
bool take_ssrc(GstE2EEBase *element, GstCaps *caps) {
  Base &base = e2ee::base_of(element);
  const e2ee::CryptorOptions &options = base.settings.options;
  if (!options.per_ssrc || options.ssrc || !base.cryptor)
    return true;
  guint ssrc = 0;
  if (gst_structure_get_uint(gst_caps_get_structure(caps, 0), "ssrc", &ssrc)) {
    base.cryptor->set_ssrc(ssrc);
    return true;
  }
  if (base.refusal.is_news(caps))
    GST_ELEMENT_ERROR(element, STREAM, FORMAT,
                      ("sframe-per-ssrc: the caps do not tell the SSRC: set sframe-ssrc, or use "
                       "rtpe2eedepay with payload-format=sframe in front"),
                      ("%" GST_PTR_FORMAT, caps));
  return false;
}

// Decrypted frames are byte streams: where NAL units begin is known only then.
GstCaps *gst_e2ee_decrypt_output_caps(GstE2EEBase *element, GstCaps *caps) {
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  decrypt_of(element).opener.set_payload(e2ee::has_sframe_packets(fields),
                                         settings_of(element).nal_format);
  if (!take_ssrc(element, caps))
    return nullptr;
  GstCaps *clear = e2ee::without_sframe_rtp(caps);
  if (e2ee::nal_codec_of(fields) == nullptr)
    return clear;
  GstCaps *frames = e2ee::byte_stream_caps(clear);
  gst_caps_unref(clear);
  return frames;
}

// Frames are read when they arrive, before they may have to wait.
bool take_caps(GstE2EEBase *element, GstEvent *event) {
  GstCaps *caps = nullptr;
  gst_event_parse_caps(event, &caps);
  if (decrypt_of(element).opener.set_caps(caps))
    return true;
  if (e2ee::base_of(element).refusal.is_news(caps))
    GST_ELEMENT_ERROR(element, STREAM, FORMAT,
                      ("The codec_data of the caps cannot be read: ask the depayloader or demuxer "
                       "for stream-format=byte-stream, which has none"),
                      ("%" GST_PTR_FORMAT, caps));
  return false;
}

gboolean gst_e2ee_decrypt_sink_event(GstE2EEBase *element, GstEvent *event) {
  Decrypt &self = decrypt_of(element);
  const auto chain_up = [&] {
    return GST_E2EE_BASE_CLASS(gst_e2ee_decrypt_parent_class)->sink_event(element, event);
  };
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS && !take_caps(element, event)) {
    gst_event_unref(event);
    return FALSE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) {
    const gboolean handled = chain_up();
    self.queue->flush_start();
    return handled;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    self.queue->flush_stop();
    // After a seek the same frames come again, rightly.
    if (auto &cryptor = e2ee::base_of(element).cryptor)
      cryptor->forget_accepted();
  } else if (is_serialized(event) && self.queue->push_event(event)) {
    return TRUE;
  }
  return chain_up();
}

// Held frames make the latest ones later.
gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (!e2ee::base_query(pad, parent, query))
    return FALSE;
  const GstClockTime wait = settings_of(GST_E2EE_BASE(parent)).key_wait;
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && wait > 0) {
    gboolean live;
    GstClockTime min;
    GstClockTime max;
    gst_query_parse_latency(query, &live, &min, &max);
    gst_query_set_latency(query, live, min,
                          GST_CLOCK_TIME_IS_VALID(max) && max < GST_CLOCK_TIME_NONE - wait
                              ? max + wait
                              : GST_CLOCK_TIME_NONE);
  }
  return TRUE;
}

// ---- state --------------------------------------------------------------------------------------

// On a worker, which must not push events: handlers upstream may call the provider.
void keys_changed(GstE2EEBase *element) {
  Decrypt &self = decrypt_of(element);
  self.queue->wake();
  const e2ee::CodecRule *codec = e2ee::base_of(element).codec;
  if (self.failing && codec != nullptr && codec->video)
    gst_element_call_async(
        GST_ELEMENT(element),
        [](GstElement *later, gpointer) { ask_for_key_unit(GST_E2EE_BASE(later)); }, nullptr,
        nullptr);
}

void gst_e2ee_decrypt_start(GstE2EEBase *element) {
  Decrypt &self = decrypt_of(element);
  FrameCryptor &cryptor = *e2ee::base_of(element).cryptor;
  cryptor.set_ssrc(settings_of(element).options.ssrc);
  self.server_frames.set_scheme_trailer(cryptor.facts.server_trailer);
  cryptor.set_replay_window(settings_of(element).replay_window);
  cryptor.on(FrameCryptor::Event::keys_changed, [element] { keys_changed(element); });
  cryptor.on(FrameCryptor::Event::keys_withdrawn, [element, &self, &cryptor] {
    self.queue->give_up();
    e2ee::recall_frame(element, cryptor);
  });
}

void stop_listening(Base &base, Decrypt &self) {
  if (base.cryptor) {
    base.cryptor->on(FrameCryptor::Event::keys_changed, {});
    base.cryptor->on(FrameCryptor::Event::keys_withdrawn, {});
  }
  self.queue->stop();
}

GstStateChangeReturn gst_e2ee_decrypt_change_state(GstElement *element, GstStateChange transition) {
  GstE2EEBase *base_element = GST_E2EE_BASE(element);
  Base &base = e2ee::base_of(base_element);
  Decrypt &self = decrypt_of(base_element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    const Settings &settings = base.settings;
    GError *error = nullptr;
    if (!self.server_frames.configure(settings.server_frames, settings.server_trailer, &error)) {
      e2ee::refuse(base_element, error);
      return GST_STATE_CHANGE_FAILURE;
    }
    self.failing = false;
    self.key_units.reset();
    if (settings.key_wait > 0)  // before the pads take frames
      self.queue->start(settings.key_wait, settings.key_wait_bytes);
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop_listening(base, self);
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_e2ee_decrypt_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    self.queue->join();  // its push returns now that the pads are inactive
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE) {
    stop_listening(base, self);
    self.queue->join();
  }
  return result;
}

void gst_e2ee_decrypt_finalize(GObject *object) {
  delete GST_E2EE_DECRYPT(object)->decrypt;
  G_OBJECT_CLASS(gst_e2ee_decrypt_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_decrypt_class_init(GstE2EEDecryptClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  object_class->finalize = gst_e2ee_decrypt_finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_e2ee_decrypt_change_state);
  GST_E2EE_BASE_CLASS(klass)->frame = GST_DEBUG_FUNCPTR(frame_arrived);
  GST_E2EE_BASE_CLASS(klass)->output_caps = GST_DEBUG_FUNCPTR(gst_e2ee_decrypt_output_caps);
  GST_E2EE_BASE_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_e2ee_decrypt_start);
  GST_E2EE_BASE_CLASS(klass)->sink_event = GST_DEBUG_FUNCPTR(gst_e2ee_decrypt_sink_event);
  e2ee::install_decrypt_properties(object_class);
  GstCaps *encrypted = e2ee::media_caps();
  gst_caps_append(encrypted, gst_caps_new_simple(e2ee::kRtpCaps, e2ee::kE2eeField, G_TYPE_STRING,
                                                 e2ee::kSframeRtp, nullptr));
  GstCaps *clear = e2ee::media_caps();
  gst_caps_append(clear, gst_caps_new_empty_simple(e2ee::kRtpCaps));
  e2ee::describe_element(
      element_class,
      {"End-to-end frame decryptor", "Filter/Decryptor/Network",
       "Decrypts frames that WebRTC clients or e2eeencrypt encrypted end to end"},
      encrypted, clear);
}

static void gst_e2ee_decrypt_init(GstE2EEDecrypt *self) {
  GstE2EEBase *element = GST_E2EE_BASE(self);
  Base &base = e2ee::base_of(element);
  e2ee::add_base_pads(element);
  self->decrypt = new Decrypt;
  self->decrypt->queue = std::make_unique<HoldQueue>(
      base.src, base.counters,
      [element](GstBuffer *&buffer, HoldQueue::Turn turn, GstFlowReturn &flow) {
        return work_on_frame(element, buffer, turn, flow);
      },
      [element](GstEvent *event) {
        GST_E2EE_BASE_CLASS(gst_e2ee_decrypt_parent_class)->sink_event(element, event);
      });
  gst_pad_set_query_function(base.src, GST_DEBUG_FUNCPTR(src_query));
}
