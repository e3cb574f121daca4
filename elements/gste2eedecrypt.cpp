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

#include "framememory.h"

GST_DEBUG_CATEGORY_STATIC(gst_e2ee_decrypt_debug);
#define GST_CAT_DEFAULT gst_e2ee_decrypt_debug

using e2ee::Base;
using e2ee::FrameCryptor;
using e2ee::Reason;

enum {
  PROP_0,
  PROP_SFRAME_KID_MAP,
  PROP_REPLAY_WINDOW,
  PROP_SERVER_FRAMES,
  PROP_SERVER_TRAILER,
  PROP_KEY_WAIT,
  PROP_KEY_WAIT_BYTES,
  PROP_ALLOW_PLAINTEXT,
};

namespace {
constexpr guint kMaxReplayWindow = 4096;
constexpr guint kDefaultKeyWaitBytes = 8 * 1024 * 1024;
constexpr GstClockTime kKeyUnitInterval = 500 * GST_MSECOND;
}  // namespace

struct _GstE2EEDecrypt {
  GstE2EEBase parent;
  e2ee::FrameAllocator *allocator;
  gboolean allow_plaintext;
  gboolean failing;           // streaming thread: since the last frame that passed
  gint64 asked_for_key_unit;  // monotonic microseconds, 0 = never
};

G_DEFINE_TYPE_WITH_CODE(GstE2EEDecrypt, gst_e2ee_decrypt, GST_TYPE_E2EE_BASE,
                        GST_DEBUG_CATEGORY_INIT(gst_e2ee_decrypt_debug, "e2eedecrypt", 0,
                                                "Decrypts frames end to end"))
GST_ELEMENT_REGISTER_DEFINE(e2eedecrypt, "e2eedecrypt", GST_RANK_NONE, GST_TYPE_E2EE_DECRYPT)

namespace {

// Whether the frame can be decrypted where it lies: nobody else sees this memory. Several memories
// are merged into a new one by mapping, which is ours as well.
bool in_place(GstBuffer *buffer) {
  return gst_buffer_is_writable(buffer) &&
         (gst_buffer_n_memory(buffer) != 1 ||
          gst_memory_is_writable(gst_buffer_peek_memory(buffer, 0)));
}

FrameCryptor::Result decrypt_in_place(Base &base, GstBuffer *buffer) {
  FrameCryptor::Result result;
  result.reason = Reason::internal;
  e2ee::MappedBuffer map(buffer, GST_MAP_READWRITE);
  if (!map)
    return result;
  result = base.cryptor->decrypt(*base.codec, map.bytes(), map.bytes());
  map.unmap();
  if (result.reason == Reason::ok)
    gst_buffer_set_size(buffer, static_cast<gssize>(result.size));
  return result;
}

FrameCryptor::Result decrypt_to_new(Base &base, e2ee::FrameAllocator &allocator,
                                    GstBuffer *&buffer) {
  FrameCryptor::Result result;
  result.reason = Reason::internal;
  GstMemory *opened = nullptr;
  {
    e2ee::MappedBuffer map(buffer, GST_MAP_READ);
    if (!map)
      return result;
    e2ee::FrameMemory memory(allocator.allocate(map.bytes().size()));
    if (!memory)
      return result;
    result = base.cryptor->decrypt(*base.codec, map.bytes(), memory.bytes());
    if (result.reason == Reason::ok)
      opened = memory.release(result.size);
  }
  if (opened != nullptr) {
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_replace_all_memory(buffer, opened);
  }
  return result;
}

// A decoder that missed frames needs a key frame; asking more often would only load the sender.
void ask_for_key_unit(GstE2EEDecrypt *self) {
  Base &base = e2ee::base_of(GST_E2EE_BASE(self));
  if (base.codec == nullptr || !base.codec->video)
    return;
  const gint64 now = g_get_monotonic_time();
  if (self->asked_for_key_unit != 0 &&
      now - self->asked_for_key_unit < static_cast<gint64>(kKeyUnitInterval / GST_USECOND))
    return;
  self->asked_for_key_unit = now;
  GST_DEBUG_OBJECT(self, "asking for a key unit");
  GstStructure *content =
      gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE,
                        "all-headers", G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 0, nullptr);
  gst_pad_push_event(base.sink, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, content));
}

// Frames in the clear may pass until this participant is known to encrypt; after that they are an
// attack or a mistake.
bool plaintext_may_pass(GstE2EEDecrypt *self, GstBuffer *buffer, Reason &reason) {
  Base &base = e2ee::base_of(GST_E2EE_BASE(self));
  e2ee::MappedBuffer map(buffer, GST_MAP_READ);
  if (!map || base.cryptor->recognises(map.bytes()))
    return false;
  if (!base.cryptor->is_protected())
    return true;
  reason = Reason::plaintext;
  return false;
}

GstFlowReturn decrypt_frame(GstE2EEBase *element, GstBuffer *buffer) {
  GstE2EEDecrypt *self = GST_E2EE_DECRYPT(element);
  Base &base = e2ee::base_of(element);
  const FrameCryptor::Result result = in_place(buffer)
                                          ? decrypt_in_place(base, buffer)
                                          : decrypt_to_new(base, *self->allocator, buffer);
  if (G_LIKELY(result.reason == Reason::ok)) {
    if (G_UNLIKELY(self->failing)) {
      self->failing = FALSE;
      ask_for_key_unit(self);
    }
    GST_LOG_OBJECT(self, "frame of %" G_GSIZE_FORMAT " bytes under key %" G_GUINT64_FORMAT,
                   result.size, result.key_id);
    return e2ee::push_frame(element, buffer, result);
  }
  Reason reason = result.reason;
  if (reason == Reason::malformed && self->allow_plaintext &&
      plaintext_may_pass(self, buffer, reason))
    return e2ee::push_unprotected(element, buffer);
  self->failing = TRUE;
  return e2ee::drop_frame(element, buffer, reason, result.key_id);
}

}  // namespace

static void gst_e2ee_decrypt_class_init(GstE2EEDecryptClass *klass) {
  GST_E2EE_BASE_CLASS(klass)->frame = decrypt_frame;
  gst_element_class_set_static_metadata(
      GST_ELEMENT_CLASS(klass), "End-to-end frame decryptor", "Filter/Decryptor/Network",
      "Decrypts frames that WebRTC clients or e2eeencrypt encrypted end to end",
      "The gst-e2ee developers");
  e2ee::add_pad_templates(GST_ELEMENT_CLASS(klass));
}

static void gst_e2ee_decrypt_init(GstE2EEDecrypt *self) {
  self->allocator = new e2ee::FrameAllocator;
}
