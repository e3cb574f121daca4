/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gste2eebase.h"

#include "buffers/sframertp.h"
#include "elementkeys.h"
#include "elementproperties.h"
#include "owned.h"
#include "pads.h"
#include "payloadercheck.h"

GST_DEBUG_CATEGORY(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

using e2ee::Base;
using e2ee::FrameCryptor;
using e2ee::Reason;

struct GstE2EEBasePrivate {
  Base *base;
};

G_DEFINE_ABSTRACT_TYPE_WITH_CODE(GstE2EEBase, gst_e2ee_base, GST_TYPE_ELEMENT,
                                 G_ADD_PRIVATE(GstE2EEBase);
                                 GST_DEBUG_CATEGORY_INIT(gst_e2ee_base_debug, "e2eebase", 0,
                                                         "E2EE elements, what both do"))

namespace {

// Maximum wait for keys in a state change. PBKDF2 takes up to 0.5 s on a slow machine; a key server
// that is down must not block the application for longer.
constexpr std::chrono::milliseconds kProviderPatience{2000};

void gst_e2ee_base_set_context(GstElement *element, GstContext *context) {
  if (GstE2EEKeyProvider *provider = gst_e2ee_context_get_key_provider(context)) {
    Base &base = e2ee::base_of(GST_E2EE_BASE(element));
    e2ee::ObjectPtr<GstE2EEKeyProvider> released;  // goes without the mutex
    std::lock_guard lock(base.mutex);
    released.reset(std::exchange(base.from_context, provider));
  }
  GST_ELEMENT_CLASS(gst_e2ee_base_parent_class)->set_context(element, context);
}

// ---- events and buffers -------------------------------------------------------------------------

bool accept_caps(GstE2EEBase *self, GstCaps *caps) {
  Base &base = e2ee::base_of(self);
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  const gchar *media_type = gst_structure_get_name(fields);
  const e2ee::CodecRule *codec = GST_E2EE_BASE_GET_CLASS(self)->codec_of(self, caps);
  const bool carried = codec != nullptr && base.cryptor && base.cryptor->supports(*codec);
  const bool whole = !carried || e2ee::has_whole_frames(fields, *codec);
  base.codec = carried && whole ? codec : nullptr;
  if (base.codec != nullptr || !base.enabled)
    return true;
  if (!base.refusal.is_news(caps))
    return false;
  if (!whole) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("%s needs stream-format=obu-stream and alignment=%s: put av1parse in front",
                       codec->name, codec->alignment),
                      ("%" GST_PTR_FORMAT, caps));
    return false;
  }
  if (!base.cryptor) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("End-to-end encryption was switched on without a key provider: set "
                       "key-provider before the element starts"),
                      (nullptr));
    return false;
  }
  if (e2ee::is_sframe_rtp(gst_caps_get_structure(caps, 0)) &&
      base.settings.options.scheme != GST_E2EE_SCHEME_SFRAME) {
    GST_ELEMENT_ERROR(self, STREAM, WRONG_TYPE,
                      ("This is SFrame over RTP: set scheme=sframe, and sframe-suite as the sender "
                       "has it"),
                      ("%" GST_PTR_FORMAT, caps));
    return false;
  }
  GST_ELEMENT_ERROR(self, STREAM, WRONG_TYPE,
                    ("Scheme %s does not carry %s: %s", e2ee::nick_of(base.settings.options.scheme),
                     codec ? codec->name : media_type, base.cryptor->facts.carries),
                    (nullptr));
  return false;
}

gboolean gst_e2ee_base_sink_event(GstE2EEBase *self, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START ||
      GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    e2ee::base_of(self).warnings.start_of_stream();
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    e2ee::base_of(self).reporter->tell_waiting(true);
    e2ee::warn_of_lost_stream(self);
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstCaps *output =
        accept_caps(self, caps) ? GST_E2EE_BASE_GET_CLASS(self)->output_caps(self, caps) : nullptr;
    if (output == nullptr) {
      gst_event_unref(event);
      return FALSE;
    }
    if (output != caps)
      event = e2ee::with_caps(event, output);
    e2ee::base_of(self).refusal.forget();
    e2ee::check_payloader(self);
    gst_caps_unref(output);
    return gst_pad_push_event(e2ee::base_of(self).src, event);
  }
  return gst_pad_event_default(e2ee::base_of(self).sink, GST_OBJECT(self), event);
}

gboolean sink_event(GstPad *, GstObject *parent, GstEvent *event) {
  GstE2EEBase *self = GST_E2EE_BASE(parent);
  return GST_E2EE_BASE_GET_CLASS(self)->sink_event(self, event);
}

GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  GstE2EEBase *self = GST_E2EE_BASE(parent);
  Base &base = e2ee::base_of(self);
  base.counters.came(gst_buffer_get_size(buffer));
  return GST_E2EE_BASE_GET_CLASS(self)->frame(self, buffer);
}

// ---- state --------------------------------------------------------------------------------------

GstStateChangeReturn gst_e2ee_base_change_state(GstElement *element, GstStateChange transition) {
  GstE2EEBase *self = GST_E2EE_BASE(element);
  Base &base = e2ee::base_of(self);
  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (!e2ee::open_cryptor(self, false))
        return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (!e2ee::open_cryptor(self, true))
        return GST_STATE_CHANGE_FAILURE;
      // The first frame is a key frame: it must find its key.
      if (auto cryptor = e2ee::ref_cryptor(base)) {
        cryptor->wait_ready(kProviderPatience);
        e2ee::post_notices(self);  // of keys that the scheme refuses
      }
      if (base.cryptor && GST_E2EE_BASE_GET_CLASS(self)->start != nullptr)
        GST_E2EE_BASE_GET_CLASS(self)->start(self);
      if (!base.enabled)
        e2ee::warn_disabled(self);
      break;
    default:
      break;
  }
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_e2ee_base_parent_class)->change_state(element, transition);
  if (result == GST_STATE_CHANGE_FAILURE)
    return result;
  switch (transition) {
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      base.codec = nullptr;
      base.reporter->tell_waiting(true);
      base.reporter->reset();
      base.warnings.reset();
      base.refusal.forget();
      base.checked_payloader_of.clear();
      break;
    case GST_STATE_CHANGE_READY_TO_NULL:
      e2ee::close_cryptor(base);
      break;
    default:
      break;
  }
  return result;
}

// ---- class --------------------------------------------------------------------------------------

void gst_e2ee_base_dispose(GObject *object) {
  Base &base = e2ee::base_of(GST_E2EE_BASE(object));
  e2ee::close_cryptor(base);
  g_clear_object(&base.provider);
  g_clear_object(&base.from_context);
  G_OBJECT_CLASS(gst_e2ee_base_parent_class)->dispose(object);
}

void gst_e2ee_base_finalize(GObject *object) {
  delete &e2ee::base_of(GST_E2EE_BASE(object));
  G_OBJECT_CLASS(gst_e2ee_base_parent_class)->finalize(object);
}

}  // namespace

static void gst_e2ee_base_class_init(GstE2EEBaseClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  object_class->dispose = gst_e2ee_base_dispose;
  object_class->finalize = gst_e2ee_base_finalize;
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_e2ee_base_change_state);
  element_class->set_context = GST_DEBUG_FUNCPTR(gst_e2ee_base_set_context);
  klass->codec_of = [](GstE2EEBase *, GstCaps *caps) {
    return e2ee::codec_of_caps(gst_caps_get_structure(caps, 0));
  };
  klass->sink_event = GST_DEBUG_FUNCPTR(gst_e2ee_base_sink_event);
  g_type_class_ref(GST_TYPE_E2EE_SCHEME);  // kept, for nick_of()
  e2ee::install_base_properties(object_class);
  gst_type_mark_as_plugin_api(GST_TYPE_E2EE_BASE, static_cast<GstPluginAPIFlags>(0));
}

static void gst_e2ee_base_init(GstE2EEBase *self) {
  auto *priv = static_cast<GstE2EEBasePrivate *>(gst_e2ee_base_get_instance_private(self));
  priv->base = new Base(GST_ELEMENT(self));
}

namespace e2ee {

Base &base_of(GstE2EEBase *self) {
  return *static_cast<GstE2EEBasePrivate *>(gst_e2ee_base_get_instance_private(self))->base;
}

GstCaps *media_caps() {
  GstCaps *caps = gst_caps_new_empty();
  for (const CodecRule *codec : codecs()) {
    GstStructure *fields = gst_structure_new_empty(codec->media_type);
    if (codec->alignment != nullptr)
      gst_structure_set(fields, "alignment", G_TYPE_STRING, codec->alignment, nullptr);
    gst_caps_append_structure(caps, fields);
  }
  // Others of AV1 are refused at the CAPS event as well.
  gst_caps_append_structure(caps, gst_structure_new_empty("video/x-av1"));
  return caps;
}

void add_base_pads(GstE2EEBase *self) {
  Base &base = base_of(self);
  base.sink = new_pad(GST_ELEMENT(self), "sink");
  gst_pad_set_chain_function(base.sink, GST_DEBUG_FUNCPTR(chain));
  gst_pad_set_event_function(base.sink, GST_DEBUG_FUNCPTR(sink_event));
  gst_pad_set_query_function(base.sink, GST_DEBUG_FUNCPTR(base_query));
  // Parsers name in their caps what their decoders take and accept more, since that is known only
  // when the stream is there.
  GST_PAD_SET_ACCEPT_TEMPLATE(base.sink);
  gst_element_add_pad(GST_ELEMENT(self), base.sink);
  base.src = new_pad(GST_ELEMENT(self), "src");
  gst_pad_set_query_function(base.src, GST_DEBUG_FUNCPTR(base_query));
  gst_element_add_pad(GST_ELEMENT(self), base.src);
}

std::string participant_of(Base &base) {
  std::lock_guard lock(base.mutex);
  return base.settings.options.participant;
}

const char *nick_of(GstE2EEScheme scheme) {
  auto *klass = static_cast<GEnumClass *>(g_type_class_peek_static(GST_TYPE_E2EE_SCHEME));
  const GEnumValue *value = klass ? g_enum_get_value(klass, scheme) : nullptr;
  return value ? value->value_nick : "?";
}

gboolean base_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_CAPS)
    return gst_pad_query_default(pad, parent, query);
  const Base &base = base_of(GST_E2EE_BASE(parent));
  answer_caps_query(pad, pad == base.sink ? base.src : base.sink, base.formats, query);
  return TRUE;
}

}  // namespace e2ee
