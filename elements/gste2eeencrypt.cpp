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

#include "elementkeys.h"
#include "framememory.h"
#include "frametail.h"

GST_DEBUG_CATEGORY_STATIC(gst_e2ee_encrypt_debug);
#define GST_CAT_DEFAULT gst_e2ee_encrypt_debug

using e2ee::Base;
using e2ee::FrameCryptor;
using e2ee::Reason;

enum { PROP_0, PROP_SFRAME_KID, PROP_FRAME_METADATA, N_PROPERTIES };

struct _GstE2EEEncrypt {
  GstE2EEBase parent;
  e2ee::FrameAllocator *allocator;
  e2ee::NalInput *input;
  e2ee::NalOutput *output;
  GstEvent *stream;  // its STREAM_START
  guint64 sframe_kid;
  gboolean frame_metadata;
};

G_DEFINE_TYPE_WITH_CODE(GstE2EEEncrypt, gst_e2ee_encrypt, GST_TYPE_E2EE_BASE,
                        GST_DEBUG_CATEGORY_INIT(gst_e2ee_encrypt_debug, "e2eeencrypt", 0,
                                                "Encrypts frames end to end"))
GST_ELEMENT_REGISTER_DEFINE(e2eeencrypt, "e2eeencrypt", GST_RANK_NONE, GST_TYPE_E2EE_ENCRYPT)

namespace {

struct FrameFacts {
  e2ee::FrameType type;
  e2ee::FrameSize size;
};

FrameFacts facts_of(const e2ee::CodecRule &codec, e2ee::ByteView frame) {
  FrameFacts facts{codec.frame_type(frame), {}};
  if (facts.type == e2ee::FrameType::key)
    facts.size = codec.frame_size(frame);
  return facts;
}

// The memory of a buffer in which the frame can grow in place. Returns null if the buffer has more
// than one memory, is shared, or has no spare room.
GstMemory *memory_with_slack(GstBuffer *buffer, const FrameCryptor &cryptor) {
  if (gst_buffer_n_memory(buffer) != 1)
    return nullptr;
  GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
  gsize offset;
  gsize capacity;
  const gsize size = gst_memory_get_sizes(memory, &offset, &capacity);
  // A memory is writable only when the buffer that has it is.
  const gsize tail = cryptor.overhead() - cryptor.headroom();
  if (offset < cryptor.headroom() || capacity - offset - size < tail ||
      !gst_memory_is_writable(memory))
    return nullptr;
  return memory;
}

// Frames of NAL units get new start codes in front and escapes behind: rarely is there room for it.
gsize room_for(Base &base, e2ee::ByteView frame) {
  return base.cryptor->overhead() + base.codec.load()->extra_room(frame);
}

// Encrypts where the frame lies. On failure the buffer is of no use.
FrameCryptor::Result encrypt_in_place(Base &base, GstBuffer *buffer, GstMemory *memory,
                                      FrameFacts &facts) {
  const gsize size = gst_memory_get_sizes(memory, nullptr, nullptr);
  const gsize headroom = base.cryptor->headroom();
  gst_memory_resize(memory, -static_cast<gssize>(headroom), size + base.cryptor->overhead());
  FrameCryptor::Result result;
  {
    e2ee::MappedBuffer map(buffer, GST_MAP_READWRITE);
    if (!map) {
      result.reason = Reason::internal;
      return result;
    }
    const e2ee::ByteView frame = map.bytes().subspan(headroom, size);
    facts = facts_of(*base.codec.load(), frame);
    result = base.cryptor->encrypt(*base.codec.load(), facts.type, frame, map.bytes());
  }
  if (result.reason == Reason::ok)
    e2ee::cut_buffer(buffer, result.offset, result.size);
  return result;
}

// Encrypts into one new memory, which takes the place of the buffer's own: flags, times and metas
// stay with the buffer.
FrameCryptor::Result encrypt_to_new(Base &base, e2ee::FrameAllocator &allocator, GstBuffer *&buffer,
                                    FrameFacts &facts) {
  FrameCryptor::Result result;
  result.reason = Reason::internal;
  GstMemory *sealed = nullptr;
  {
    e2ee::MappedBuffer map(buffer, GST_MAP_READ);
    if (!map)
      return result;
    const e2ee::ByteView frame = map.bytes();
    e2ee::FrameMemory memory(allocator.allocate(frame.size() + room_for(base, frame)));
    if (!memory)
      return result;
    facts = facts_of(*base.codec.load(), frame);
    result = base.cryptor->encrypt(*base.codec.load(), facts.type, frame, memory.bytes());
    if (result.reason == Reason::ok)
      sealed = memory.release(result.offset, result.size);
  }
  if (sealed != nullptr) {
    buffer = gst_buffer_make_writable(buffer);
    gst_buffer_replace_all_memory(buffer, sealed);
  }
  return result;
}

// What a payloader that cannot read the frame needs to know of it. The application may know more,
// and then has written it already.
void add_frame_meta(GstBuffer *buffer, const FrameFacts &facts) {
  if (gst_e2ee_buffer_get_frame_meta(buffer) != nullptr)
    return;
  auto *meta = gst_e2ee_buffer_add_frame_meta(buffer, facts.type == e2ee::FrameType::key,
                                              facts.size.width, facts.size.height);
  // Asking for a custom meta that no plugin has registered would be a programming error.
  if (meta == nullptr || gst_meta_get_info("GstVP8Meta") == nullptr)
    return;
  GstCustomMeta *vp8 = gst_buffer_get_custom_meta(buffer, "GstVP8Meta");
  if (vp8 == nullptr)
    return;
  const GstStructure *fields = gst_custom_meta_get_structure(vp8);
  gboolean layered = FALSE;
  if (gst_structure_get_boolean(fields, "use-temporal-scaling", &layered) && layered)
    meta->has_layers = gst_structure_get(fields, "layer-id", G_TYPE_UINT, &meta->temporal_layer,
                                         "layer-sync", G_TYPE_BOOLEAN, &meta->layer_sync, nullptr);
}

bool has_nal_units(const Base &base) {
  const e2ee::CodecRule *codec = base.codec.load();
  return codec != nullptr && codec->nal != nullptr;
}

enum class Taken { frame, part, nothing };

// Makes a byte stream of a frame, puts parameter sets where receivers need them, and where it is
// not going to be encrypted gives it the format of the caps. A part of the next frame is kept.
Taken take_nal_units(GstE2EEBase *element, GstBuffer *&buffer, bool enabled) {
  const GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  e2ee::ParameterSets &sets = self->input->sets();
  if (!self->input->to_byte_stream(buffer))
    return Taken::nothing;
  if (sets.keep(buffer))
    return Taken::part;
  sets.learn(buffer);
  return sets.complete(buffer) && (enabled || self->output->finish_clear(buffer)) ? Taken::frame
                                                                                  : Taken::nothing;
}

GstFlowReturn encrypt_frame(GstE2EEBase *element, GstBuffer *buffer) {
  const GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  Base &base = e2ee::base_of(element);
  GstFlowReturn flow = GST_FLOW_OK;
  const bool enabled = base.enabled;
  const bool nal_units = has_nal_units(base);
  const Taken taken = nal_units ? take_nal_units(element, buffer, enabled) : Taken::frame;
  if (taken == Taken::part) {
    GST_LOG_OBJECT(element, "keeping a part of the next frame: %" GST_PTR_FORMAT, buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
  }
  e2ee::count_frame(base);
  if (taken == Taken::nothing)
    return e2ee::drop_frame(element, buffer, Reason::malformed, 0);
  if (G_UNLIKELY(e2ee::handle_special(element, buffer, enabled, flow)))
    return flow;
  FrameFacts facts{};
  GstMemory *own = nal_units ? nullptr : memory_with_slack(buffer, *base.cryptor);
  const FrameCryptor::Result result = own != nullptr
                                          ? encrypt_in_place(base, buffer, own, facts)
                                          : encrypt_to_new(base, *self->allocator, buffer, facts);
  if (G_UNLIKELY(result.reason != Reason::ok))
    return e2ee::drop_frame(element, buffer, result.reason, result.key_id);
  if (nal_units)
    self->output->finish_sealed(buffer, self->frame_metadata ? e2ee::kPacketTrailerSize : 0);
  if (base.codec.load()->video) {
    add_frame_meta(buffer, facts);
    if (self->frame_metadata)
      buffer = e2ee::append_packet_trailer(buffer, nal_units && self->output->is_byte_stream());
  }
  GST_LOG_OBJECT(element, "frame of %" G_GSIZE_FORMAT " bytes under key %" G_GUINT64_FORMAT,
                 result.size, result.key_id);
  return e2ee::push_frame(element, buffer, result);
}

void gst_e2ee_encrypt_start(GstE2EEBase *element) {
  e2ee::FrameCryptor &cryptor = *e2ee::base_of(element).cryptor;
  cryptor.on_keys_withdrawn([element, &cryptor] { e2ee::recall_frame(element, cryptor); });
}

void gst_e2ee_encrypt_configure(GstE2EEBase *element, e2ee::CryptorOptions *options) {
  const GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  if (self->sframe_kid != G_MAXUINT64)
    options->sframe_kid = self->sframe_kid;
  options->packet_trailer = self->frame_metadata;
}

// What nobody encrypts keeps its format.
GstCaps *gst_e2ee_encrypt_output_caps(GstE2EEBase *element, GstCaps *caps) {
  const GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  Base &base = e2ee::base_of(element);
  self->output->reset();
  if (!self->input->set_caps(caps)) {
    if (base.refusal.is_news(caps))
      GST_ELEMENT_ERROR(
          element, STREAM, FORMAT,
          ("The codec_data of the caps cannot be read: put h264parse or h265parse in front"),
          ("%" GST_PTR_FORMAT, caps));
    return nullptr;
  }
  return has_nal_units(base) ? self->output->choose(base.src, caps) : gst_caps_ref(caps);
}

// A new stream has parameter sets of its own. One that an application links again sends the same
// event once more, but not its parameter sets.
gboolean gst_e2ee_encrypt_sink_event(GstE2EEBase *element, GstEvent *event) {
  GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(element);
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START && gst_event_replace(&self->stream, event))
    self->input->new_stream();
  else if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    self->input->sets().flush();
  return GST_E2EE_BASE_CLASS(gst_e2ee_encrypt_parent_class)->sink_event(element, event);
}

void gst_e2ee_encrypt_set_property(GObject *object, guint id, const GValue *value,
                                   GParamSpec *pspec) {
  GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(object);
  if (!e2ee::can_change(GST_E2EE_BASE(self), pspec))
    return;
  switch (id) {
    case PROP_SFRAME_KID:
      self->sframe_kid = g_value_get_uint64(value);
      break;
    case PROP_FRAME_METADATA:
      self->frame_metadata = g_value_get_boolean(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  e2ee::close_cryptor(e2ee::base_of(GST_E2EE_BASE(self)));
}

void gst_e2ee_encrypt_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstE2EEEncrypt *self = GST_E2EE_ENCRYPT(object);
  switch (id) {
    case PROP_SFRAME_KID:
      g_value_set_uint64(value, self->sframe_kid);
      break;
    case PROP_FRAME_METADATA:
      g_value_set_boolean(value, self->frame_metadata);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

void gst_e2ee_encrypt_finalize(GObject *object) {
  delete GST_E2EE_ENCRYPT(object)->allocator;
  delete GST_E2EE_ENCRYPT(object)->input;
  delete GST_E2EE_ENCRYPT(object)->output;
  gst_clear_event(&GST_E2EE_ENCRYPT(object)->stream);
  G_OBJECT_CLASS(gst_e2ee_encrypt_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_encrypt_class_init(GstE2EEEncryptClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  object_class->set_property = gst_e2ee_encrypt_set_property;
  object_class->get_property = gst_e2ee_encrypt_get_property;
  object_class->finalize = gst_e2ee_encrypt_finalize;
  GST_E2EE_BASE_CLASS(klass)->frame = GST_DEBUG_FUNCPTR(encrypt_frame);
  GST_E2EE_BASE_CLASS(klass)->configure = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_configure);
  GST_E2EE_BASE_CLASS(klass)->output_caps = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_output_caps);
  GST_E2EE_BASE_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_start);
  GST_E2EE_BASE_CLASS(klass)->sink_event = GST_DEBUG_FUNCPTR(gst_e2ee_encrypt_sink_event);

  const auto ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  static GParamSpec *properties[N_PROPERTIES];
  /**
   * GstE2EEEncrypt:sframe-kid:
   *
   * An explicit key id for scheme `sframe`, for applications that guarantee a base key which no
   * other sender and no earlier start used. %G_MAXUINT64, the default, draws it at random. Can be
   * set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SFRAME_KID] =
      g_param_spec_uint64("sframe-kid", "SFrame key id",
                          "Scheme sframe: an explicit KID, for applications that guarantee a base "
                          "key which no other sender and no earlier start used; default: drawn at "
                          "random. Set in NULL or READY",
                          0, G_MAXUINT64, G_MAXUINT64, ready);
  /**
   * GstE2EEEncrypt:frame-metadata:
   *
   * Writes LiveKit's packet trailer with the capture time behind each video frame, neither
   * encrypted nor authenticated. Not with scheme `sframe`. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_FRAME_METADATA] =
      g_param_spec_boolean("frame-metadata", "Frame metadata",
                           "Write LiveKit's packet trailer with the capture time behind each video "
                           "frame, neither encrypted nor authenticated. Not with scheme sframe. "
                           "Set in NULL or READY",
                           FALSE, ready);
  g_object_class_install_properties(object_class, N_PROPERTIES, properties);

  gst_element_class_set_static_metadata(
      element_class, "End-to-end frame encryptor", "Filter/Encryptor/Network",
      "Encrypts encoded frames end to end, readable by WebRTC clients that hold the key",
      "The gst-e2ee developers");
  e2ee::add_pad_templates(element_class);
}

static void gst_e2ee_encrypt_init(GstE2EEEncrypt *self) {
  self->allocator = new e2ee::FrameAllocator;
  self->input = new e2ee::NalInput;
  self->output = new e2ee::NalOutput;
  e2ee::base_of(GST_E2EE_BASE(self)).formats = e2ee::NalFormats::lengths_first;
  e2ee::base_of(GST_E2EE_BASE(self)).encrypts = true;
  self->sframe_kid = G_MAXUINT64;
}
