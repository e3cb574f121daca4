/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "baseproperties.h"

#include "elementkeys.h"

GST_DEBUG_CATEGORY_EXTERN(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

namespace e2ee {

namespace {

enum {
  PROP_0,
  PROP_SCHEME,
  PROP_KEY_PROVIDER,
  PROP_PARTICIPANT,
  PROP_ENABLED,
  PROP_STATS,
  PROP_SFRAME_SUITE,
  PROP_CLEAR_HEADER,
  N_PROPERTIES,
};

GstStructure *make_stats(Base &base) {
  KeyInfo key;
  if (auto cryptor = ref_cryptor(base))
    key = cryptor->key_info();
  return base.counters.to_structure(key);
}

void set_provider(Base &base, GstE2EEKeyProvider *provider) {
  std::lock_guard lock(base.mutex);
  g_set_object(&base.provider, provider);
}

void set_enabled(GstE2EEBase *self, bool enabled) {
  Base &base = base_of(self);
  if (base.enabled.exchange(enabled) == enabled || GST_STATE(self) < GST_STATE_PAUSED)
    return;
  if (enabled)
    GST_ELEMENT_WARNING(self, STREAM, DECRYPT, ("End-to-end encryption is on again"), (nullptr));
  else
    warn_disabled(self);
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstE2EEBase *self = GST_E2EE_BASE(object);
  Base &base = base_of(self);
  if (id == PROP_ENABLED) {
    set_enabled(self, g_value_get_boolean(value));
    return;
  }
  if (!can_change(self, pspec))
    return;
  if (id == PROP_KEY_PROVIDER) {
    set_provider(base, static_cast<GstE2EEKeyProvider *>(g_value_get_object(value)));
  } else {
    std::lock_guard lock(base.mutex);
    const gchar *text;
    switch (id) {
      case PROP_SCHEME:
        base.settings.scheme = static_cast<GstE2EEScheme>(g_value_get_enum(value));
        break;
      case PROP_PARTICIPANT:
        text = g_value_get_string(value);
        base.settings.has_participant = text != nullptr && *text != '\0';
        base.settings.participant = text ? text : "";
        break;
      case PROP_SFRAME_SUITE:
        base.settings.sframe_suite = g_value_get_uint(value);
        break;
      case PROP_CLEAR_HEADER:
        base.settings.clear_header = static_cast<GstE2EEClearHeader>(g_value_get_enum(value));
        break;
      default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
  }
  close_cryptor(base);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  Base &base = base_of(GST_E2EE_BASE(object));
  if (id == PROP_STATS) {
    g_value_take_boxed(value, make_stats(base));
    return;
  }
  std::lock_guard lock(base.mutex);
  switch (id) {
    case PROP_SCHEME:
      g_value_set_enum(value, base.settings.scheme);
      break;
    case PROP_KEY_PROVIDER:
      g_value_set_object(value, base.provider);
      break;
    case PROP_PARTICIPANT:
      g_value_set_string(
          value, base.settings.has_participant ? base.settings.participant.c_str() : nullptr);
      break;
    case PROP_ENABLED:
      g_value_set_boolean(value, base.enabled);
      break;
    case PROP_SFRAME_SUITE:
      g_value_set_uint(value, base.settings.sframe_suite);
      break;
    case PROP_CLEAR_HEADER:
      g_value_set_enum(value, base.settings.clear_header);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

}  // namespace

void warn_disabled(GstE2EEBase *self) {
  GST_ELEMENT_WARNING(self, STREAM, DECRYPT,
                      ("End-to-end encryption is off: frames pass in the clear"),
                      ("enabled=false on %s", GST_OBJECT_NAME(self)));
}

void install_base_properties(GObjectClass *klass) {
  klass->set_property = set_property;
  klass->get_property = get_property;
  const auto ready = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  const auto playing = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                GST_PARAM_MUTABLE_PLAYING);
  const auto read = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  static GParamSpec *properties[N_PROPERTIES];
  /**
   * GstE2EEBase:scheme:
   *
   * Wire format and key schedule. Both ends must use the same. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SCHEME] =
      g_param_spec_enum("scheme", "Scheme",
                        "Wire format and key schedule; both ends must use the same. Set in NULL or "
                        "READY",
                        GST_TYPE_E2EE_SCHEME, GST_E2EE_SCHEME_LIVEKIT, ready);
  /**
   * GstE2EEBase:key-provider:
   *
   * Where keys come from: an object, or its string form such as
   * `shared,passphrase-file=/run/secrets/meeting`. Unset, the element asks for the #GstContext
   * `gst.e2ee.key-provider`. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_KEY_PROVIDER] =
      g_param_spec_object("key-provider", "Key provider",
                          "Where keys come from: a GstE2EEKeyProvider, or text such as "
                          "\"shared,passphrase-file=/run/secrets/meeting\"; unset: asked for as "
                          "GstContext gst.e2ee.key-provider. Set in NULL or READY",
                          GST_TYPE_E2EE_KEY_PROVIDER, ready);
  /**
   * GstE2EEBase:participant:
   *
   * Identity whose key is used; %NULL, the default, is the shared key. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_PARTICIPANT] = g_param_spec_string(
      "participant", "Participant",
      "Identity whose key is used; unset: the shared key. Set in NULL or READY", nullptr, ready);
  /**
   * GstE2EEBase:enabled:
   *
   * %FALSE passes frames through in the clear, marked with #GstE2EEUnprotectedMeta and with a
   * warning on the bus. Can be set at any time.
   *
   * Since: 0.1
   */
  properties[PROP_ENABLED] =
      g_param_spec_boolean("enabled", "Enabled",
                           "false passes frames through in the clear, with a warning on the bus. "
                           "Can be changed at any time",
                           TRUE, playing);
  /**
   * GstE2EEBase:stats:
   *
   * A #GstStructure `application/x-e2ee-stats`: frames and bytes since the element was made, drops
   * by reason, and id, generation and fingerprint of the key in use.
   *
   * Since: 0.1
   */
  properties[PROP_STATS] =
      g_param_spec_boxed("stats", "Statistics",
                         "Frames and bytes since the element was made, drops by reason, and id, "
                         "generation and fingerprint of the key in use",
                         GST_TYPE_STRUCTURE, read);
  /**
   * GstE2EEBase:sframe-suite:
   *
   * Cipher suite of scheme `sframe` by its number in RFC 9605. Suite 3, with a 32-bit tag, is
   * refused for video. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_SFRAME_SUITE] =
      g_param_spec_uint("sframe-suite", "SFrame cipher suite",
                        "Cipher suite of scheme sframe by its number in RFC 9605; 3, with a 32-bit "
                        "tag, is refused for video. Set in NULL or READY",
                        1, 5, 4, ready);
  /**
   * GstE2EEBase:clear-header:
   *
   * Whether VP8 keeps its header readable in front of the frame with scheme `sframe`, which
   * browsers and media servers need. Can be set in NULL or READY.
   *
   * Since: 0.1
   */
  properties[PROP_CLEAR_HEADER] =
      g_param_spec_enum("clear-header", "Clear header",
                        "Scheme sframe: whether VP8 keeps its header readable in front of the "
                        "frame, which browsers and media servers need; none makes pure RFC 9605 "
                        "frames. Set in NULL or READY",
                        GST_TYPE_E2EE_CLEAR_HEADER, GST_E2EE_CLEAR_HEADER_SCHEME, ready);
  g_object_class_install_properties(klass, N_PROPERTIES, properties);
}

}  // namespace e2ee
