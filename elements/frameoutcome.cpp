/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What becomes of a frame: dropped, pushed, or passed in the clear, and how that is told.
#include "buffers/clearframes.h"
#include "elementkeys.h"

GST_DEBUG_CATEGORY_EXTERN(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

namespace e2ee {

bool handle_special(GstE2EEBase *self, GstBuffer *buffer, bool enabled, GstFlowReturn &flow) {
  Base &base = base_of(self);
  if (G_UNLIKELY(!enabled)) {
    base.warnings.passed();
    flow = push_unprotected(self, buffer);
  } else if (G_UNLIKELY(gst_buffer_get_size(buffer) == 0)) {
    // Discontinuous transmission: there is nothing to protect.
    base.counters.left(0);
    flow = gst_pad_push(base.src, buffer);
  } else if (G_UNLIKELY(!base.cryptor)) {
    flow = drop_frame(self, buffer, Reason::missing_key, 0);
  } else if (G_UNLIKELY(base.codec.load(std::memory_order_relaxed) == nullptr)) {
    flow = drop_frame(self, buffer, Reason::unsupported, 0);
  } else {
    return false;
  }
  return true;
}

namespace {

// What users read when frames are dropped until they mend something; null where there is nothing to
// mend. Others may cause each of these, by forged frames or unknown key ids.
const char *advice_to_sender(const Base &base, Reason reason) {
  const CodecRule *codec = base.codec;
  switch (reason) {
    case Reason::missing_key:
      return "the key provider has no current key; set one there";
    case Reason::malformed:
      return "they are not whole frames of the codec in the caps; put a parser in front";
    case Reason::unsupported:
      if (codec != nullptr && codec->nal != nullptr)
        return "they hold no slice, or slices that receivers do not know, as of data partitioning; "
               "put a parser in front";
      return names_of(reason).text;
    case Reason::key_limit:
    case Reason::internal:
    case Reason::stream_in_use:
      return names_of(reason).text;
    default:
      return nullptr;
  }
}

// SFrame over RTP.
bool codec_is_whole(const Base &base) {
  const CodecRule *codec = base.codec;
  return codec != nullptr && codec->whole;
}

const char *advice_to_receiver(const Base &base, Reason reason) {
  switch (reason) {
    case Reason::missing_key:
      if (base.settings.options.scheme == GST_E2EE_SCHEME_SFRAME &&
          base.settings.options.ratchet_bits == 0 && !base.settings.options.plain_kids)
        return "the key provider has no key for them; set it there, or set sframe-kid-map=plain if "
               "the sender's KID is the number of a key";
      if (base.settings.options.ratchet_bits != 0)
        return "the key provider has no key for them, or the sender ratcheted it further than "
               "ratchet-window goes; set both there, and compare sframe-ratchet-bits with the "
               "sender's";
      return "the key provider has no key for them; set it there, or set key-wait if it comes late";
    case Reason::auth_failed:
      if (base.settings.options.scheme == GST_E2EE_SCHEME_SFRAME)
        return "they do not verify under this key; compare key or passphrase, sframe-suite, "
               "sframe-per-ssrc and sframe-ratchet-bits with the sender's. Frames that were "
               "damaged "
               "or forged do not verify either";
      return "they do not verify under this key; compare passphrase or key, scheme and the options "
             "of the derivation with the sender's. Frames that were damaged or forged do not "
             "verify either";
    case Reason::malformed:
      if (codec_is_whole(base))
        return "they are no SFrame ciphertexts of this suite, or hold no frames of nal-format; "
               "compare sframe-suite and nal-format with the sender's";
      return "they are not encrypted, or with another scheme; compare scheme with the sender's, "
             "and set server-trailer to recognise frames that the media server inserts";
    case Reason::plaintext:
      return "they are in the clear, although this participant has a key or has encrypted before: "
             "let the sender encrypt";
    case Reason::held_too_long:
      return "their key did not come within key-wait, or more than key-wait-bytes were waiting for "
             "it";
    case Reason::unsupported:
    case Reason::key_limit:
    case Reason::internal:
      return names_of(reason).text;
    default:
      return nullptr;
  }
}

void warn(GstE2EEBase *self, GstStreamError code, const std::string &text) {
  gst_element_message_full(GST_ELEMENT(self), GST_MESSAGE_WARNING, GST_STREAM_ERROR, code,
                           g_strdup(text.c_str()), nullptr, __FILE__, GST_FUNCTION, __LINE__);
}

// " of alice", " under key 3", " of alice under key 3" or nothing.
std::string whose(GstE2EEBase *self, Reason reason, guint64 key_id) {
  Base &base = base_of(self);
  const std::string participant = participant_of(base);
  std::string text = participant.empty() ? "" : " of " + participant;
  // An encryptor that has no key has no key id either.
  if (names_of(reason).names_key && !(base.encrypts && reason == Reason::missing_key))
    text += " under key " + std::to_string(key_id);
  return text;
}

void warn_of_drop(GstE2EEBase *self, Reason reason, guint64 key_id) {
  Base &base = base_of(self);
  const char *text =
      base.encrypts ? advice_to_sender(base, reason) : advice_to_receiver(base, reason);
  if (text == nullptr || !base.warnings.dropped(reason))
    return;
  post_notices(self);  // why a key that was set is not there
  const bool no_key = reason == Reason::missing_key || reason == Reason::held_too_long;
  warn(self, no_key ? GST_STREAM_ERROR_DECRYPT_NOKEY : GST_STREAM_ERROR_DECRYPT,
       "Frames" + whose(self, reason, key_id) + " are dropped: " + text);
}

void count_drop(GstE2EEBase *self, GstBuffer *buffer, Reason reason, guint64 key_id) {
  GST_DEBUG_OBJECT(self,
                   "dropping a frame of %" G_GSIZE_FORMAT " bytes, key %" G_GUINT64_FORMAT ": %s",
                   gst_buffer_get_size(buffer), key_id, names_of(reason).text);
  base_of(self).counters.dropped(reason);
}

}  // namespace

GstFlowReturn drop_server_frame(GstE2EEBase *self, GstBuffer *buffer) {
  Base &base = base_of(self);
  count_drop(self, buffer, Reason::plaintext, 0);
  base.reporter->report(names_of(Reason::plaintext).state, participant_of(base), 0);
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}

void warn_of_lost_stream(GstE2EEBase *self) {
  Base &base = base_of(self);
  const std::string lost = base.warnings.end_of_stream();
  if (!lost.empty())
    warn(self, GST_STREAM_ERROR_DECRYPT,
         std::string("No frame of this stream was ") + (base.encrypts ? "en" : "de") +
             "crypted: all of them were dropped (" + lost + ")");
}

GstFlowReturn drop_frame(GstE2EEBase *self, GstBuffer *buffer, Reason reason, guint64 key_id,
                         Report report) {
  Base &base = base_of(self);
  count_drop(self, buffer, reason, key_id);
  if (report != Report::already_done)
    base.reporter->report(names_of(reason).state, participant_of(base), key_id,
                          report == Report::rarely);
  warn_of_drop(self, reason, key_id);
  gst_buffer_unref(buffer);
  return GST_FLOW_OK;
}

GstFlowReturn push_frame(GstE2EEBase *self, GstBuffer *buffer, const FrameCryptor::Result &result) {
  Base &base = base_of(self);
  const Reason state = result.near_limit ? Reason::key_limit : Reason::ok;
  if (G_UNLIKELY(result.ratchet_steps != 0)) {
    base.counters.ratcheted(result.ratchet_steps);
    base.reporter->report("key-ratcheted", participant_of(base), result.key_id);
  }
  if (G_UNLIKELY(state != Reason::ok || !base.reporter->is_ok()))
    base.reporter->report(names_of(state).state, participant_of(base), result.key_id);
  if (G_UNLIKELY(result.near_limit) && base.warnings.is_first_near_limit(result.key_id))
    warn(self, GST_STREAM_ERROR_DECRYPT,
         "Key " + std::to_string(result.key_id) +
             " has been used for half of the frames that "
             "AES-GCM allows; set another one soon");
  if (G_UNLIKELY(result.has_notices))
    post_notices(self);
  // Handlers of these messages may have taken the key away.
  if (G_UNLIKELY(!result.passage.is_open()))
    return drop_frame(self, buffer, Reason::missing_key, result.key_id);
  base.warnings.passed();
  base.counters.left(gst_buffer_get_size(buffer));
  return gst_pad_push(base.src, buffer);
}

namespace {

// On the streaming thread, behind whatever blocked the pad.
GstPadProbeReturn on_leaving(GstPad *pad, GstPadProbeInfo *info, gpointer element) {
  GstE2EEBase *self = GST_E2EE_BASE(element);
  Base &base = base_of(self);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  base.recalls = false;  // what is taken away from here on has a probe of its own
  gst_pad_remove_probe(pad, GST_PAD_PROBE_INFO_ID(info));
  // That frame may be gone, with its cryptor too: then this is one of a later run.
  const auto key_id = base.cryptor ? base.cryptor->withdrawn_key() : std::nullopt;
  if (!key_id)
    return GST_PAD_PROBE_OK;
  base.counters.take_back(gst_buffer_get_size(buffer));
  drop_frame(self, buffer, Reason::missing_key, *key_id);
  return GST_PAD_PROBE_HANDLED;
}

}  // namespace

void recall_frame(GstE2EEBase *self, FrameCryptor &cryptor) {
  Base &base = base_of(self);
  if (cryptor.withdrawn_key() && !base.recalls.exchange(true))
    gst_pad_add_probe(base.src, GST_PAD_PROBE_TYPE_BUFFER, on_leaving, self, nullptr);
}

GstFlowReturn push_unprotected(GstE2EEBase *self, GstBuffer *buffer) {
  Base &base = base_of(self);
  base.counters.left(gst_buffer_get_size(buffer));
  base.reporter->report(names_of(Reason::plaintext).state, participant_of(base), 0);
  return gst_pad_push(base.src, mark_unprotected(buffer, base.counters));
}

}  // namespace e2ee
