/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementproperties.h"

#include "elementkeys.h"
#include "owned.h"
#include "properties.h"

GST_DEBUG_CATEGORY_EXTERN(gst_e2ee_base_debug);
#define GST_CAT_DEFAULT gst_e2ee_base_debug

namespace e2ee {

namespace {

enum : guint {
  kKeyProvider = kFurtherProperties,
  kEnabled,
  kStats,
  kFrameMetadata,
  kKeyWait,
  kKeyWaitBytes,
  kAllowPlaintext,
};

// All but those of e2eedecrypt that a frame cryptor knows nothing of, or learns when it starts.
bool concerns_keys(guint id) {
  return id != kReplayWindow && id != kServerFrames && id != kServerTrailer && id != kNalFormat &&
         id != kKeyWait && id != kKeyWaitBytes;
}

bool can_change(GstE2EEBase *self, const GParamSpec *pspec) {
  if (GST_STATE(self) <= GST_STATE_READY && GST_STATE_PENDING(self) < GST_STATE_PAUSED)
    return true;
  GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS,
                      ("%s stays as it is: it can be set in state NULL or READY only", pspec->name),
                      (nullptr));
  return false;
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

void set_provider(Base &base, const GValue *value) {
  ObjectPtr<GstE2EEKeyProvider> released;  // goes without the mutex
  std::lock_guard lock(base.mutex);
  auto *provider = static_cast<GstE2EEKeyProvider *>(g_value_dup_object(value));
  released.reset(std::exchange(base.provider, provider));
}

// The base's mutex held.
bool set_setting(Base &base, guint id, const GValue *value) {
  switch (id) {
    case kFrameMetadata:
      base.settings.options.packet_trailer = g_value_get_boolean(value);
      return true;
    case kKeyWait:
      base.settings.key_wait = g_value_get_uint64(value);
      return true;
    case kKeyWaitBytes:
      base.settings.key_wait_bytes = g_value_get_uint(value);
      return true;
    case kAllowPlaintext:
      base.settings.options.allow_plaintext = g_value_get_boolean(value);
      return true;
    default:
      return base.settings.set(id, value);
  }
}

bool get_setting(const Base &base, guint id, GValue *value) {
  switch (id) {
    case kKeyProvider:
      g_value_set_object(value, base.provider);
      return true;
    case kEnabled:
      g_value_set_boolean(value, base.enabled);
      return true;
    case kFrameMetadata:
      g_value_set_boolean(value, base.settings.options.packet_trailer);
      return true;
    case kKeyWait:
      g_value_set_uint64(value, base.settings.key_wait);
      return true;
    case kKeyWaitBytes:
      g_value_set_uint(value, base.settings.key_wait_bytes);
      return true;
    case kAllowPlaintext:
      g_value_set_boolean(value, base.settings.options.allow_plaintext);
      return true;
    default:
      return base.settings.get(id, value);
  }
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstE2EEBase *self = GST_E2EE_BASE(object);
  if (id == kEnabled) {
    set_enabled(self, g_value_get_boolean(value));
    return;
  }
  if (!can_change(self, pspec))
    return;
  Base &base = base_of(self);
  bool is_known = true;
  if (id == kKeyProvider) {
    set_provider(base, value);
  } else {
    std::lock_guard lock(base.mutex);
    is_known = set_setting(base, id, value);
  }
  if (!is_known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (concerns_keys(id))
    close_cryptor(base);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  Base &base = base_of(GST_E2EE_BASE(object));
  if (id == kStats) {
    const std::shared_ptr<FrameCryptor> cryptor = ref_cryptor(base);
    g_value_take_boxed(value,
                       base.counters.to_structure(cryptor ? cryptor->key_info() : KeyInfo{}));
    return;
  }
  std::lock_guard lock(base.mutex);
  if (!get_setting(base, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

constexpr Property kBase[] = {
    /**
     * GstE2EEBase:scheme:
     *
     * Wire format and key schedule. Both ends must use the same. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kScheme, kSetInReady, scheme_property},
    /**
     * GstE2EEBase:key-provider:
     *
     * Where keys come from: an object, or its string form such as
     * `shared,passphrase-file=/run/secrets/meeting`. Unset, the element asks for the #GstContext
     * `gst.e2ee.key-provider`. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kKeyProvider, kSetInReady,
     [](GParamFlags flags) {
       return g_param_spec_object(
           "key-provider", "Key provider",
           "Where keys come from: a GstE2EEKeyProvider, or text such as "
           "\"shared,passphrase-file=/run/secrets/meeting\"; unset: asked for as GstContext "
           "gst.e2ee.key-provider",
           GST_TYPE_E2EE_KEY_PROVIDER, flags);
     }},
    /**
     * GstE2EEBase:participant:
     *
     * Identity whose key is used; %NULL, the default, is the shared key. Can be set in NULL or
     * READY.
     *
     * Since: 0.1
     */
    {kParticipant, kSetInReady, participant_property},
    /**
     * GstE2EEBase:enabled:
     *
     * %FALSE passes frames through in the clear, marked with #GstE2EEUnprotectedMeta and with a
     * warning on the bus. Can be set at any time.
     *
     * Since: 0.1
     */
    {kEnabled, kSetAnyTime,
     [](GParamFlags flags) {
       return g_param_spec_boolean("enabled", "Enabled",
                                   "false passes frames through in the clear, with a warning on "
                                   "the bus. Can be changed at any time",
                                   TRUE, flags);
     }},
    /**
     * GstE2EEBase:stats:
     *
     * A #GstStructure `application/x-e2ee-stats`: frames and bytes since the element was made,
     * drops by reason, and id, generation and fingerprint of the key in use. `key-failures` is how
     * many frames named that key and did not verify, `aead` whose AES works with it: `openssl` or
     * `ipsec-mb`.
     *
     * Since: 0.1
     */
    {kStats, kReadOnly, stats_property},
};

constexpr Property kEncrypt[] = {
    /**
     * GstE2EEEncrypt:sframe-kid:
     *
     * An explicit key id for scheme `sframe`, for applications that guarantee a base key which no
     * other sender and no earlier start used. %G_MAXUINT64, the default, draws it at random. Can be
     * set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframeKid, kSetInReady, sframe_kid_property},
    /**
     * GstE2EEEncrypt:frame-metadata:
     *
     * Writes LiveKit's packet trailer with the capture time behind each video frame, neither
     * encrypted nor authenticated. Not with scheme `sframe`. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kFrameMetadata, kSetInReady,
     [](GParamFlags flags) {
       return g_param_spec_boolean("frame-metadata", "Frame metadata",
                                   "Write LiveKit's packet trailer with the capture time behind "
                                   "each video frame, neither encrypted nor authenticated. Not "
                                   "with scheme sframe",
                                   FALSE, flags);
     }},
};

constexpr Property kDecrypt[] = {
    /**
     * GstE2EEDecrypt:sframe-kid-map:
     *
     * What the key id of an SFrame frame means. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kSframeKidMap, kSetInReady, sframe_kid_map_property},
    /**
     * GstE2EEDecrypt:replay-window:
     *
     * Drops frames whose IV was among this many accepted last under their key; with scheme `sframe`
     * also those whose counter is this far behind. It finds duplicates, not recordings that are
     * played again. The element remembers for its life, over READY and NULL; a flush makes it
     * forget. 0, the default, is off. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kReplayWindow, kSetInReady, replay_window_property},
    /**
     * GstE2EEDecrypt:server-frames:
     *
     * What to do with frames that the media server injects in the clear, told by
     * #GstE2EEDecrypt:server-trailer. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kServerFrames, kSetInReady, server_frames_property},
    /**
     * GstE2EEDecrypt:server-trailer:
     *
     * Trailer of injected frames as the server announced it: hex digits, at least 7 bytes. %NULL,
     * the default, is the one that all servers of the scheme use, which RealtimeKit has. Can be set
     * in NULL or READY.
     *
     * Since: 0.1
     */
    {kServerTrailer, kSetInReady, server_trailer_property},
    /**
     * GstE2EEDecrypt:key-wait:
     *
     * Nanoseconds to hold frames whose key is late before they are dropped; 0, the default, drops
     * them at once. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kKeyWait, kSetInReady,
     [](GParamFlags flags) {
       return g_param_spec_uint64("key-wait", "Key wait",
                                  "Nanoseconds to hold frames whose key is late before dropping "
                                  "them; 0: drop at once",
                                  0, G_MAXUINT64, 0, flags);
     }},
    /**
     * GstE2EEDecrypt:key-wait-bytes:
     *
     * Most bytes of memory that #GstE2EEDecrypt:key-wait holds, 1 KiB for each frame included;
     * beyond that the oldest frames go first. Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kKeyWaitBytes, kSetInReady,
     [](GParamFlags flags) {
       return g_param_spec_uint("key-wait-bytes", "Key wait bytes",
                                "Most memory to hold with key-wait, 1 KiB for each frame included; "
                                "beyond that the oldest frames go first",
                                0, G_MAXUINT, Settings::kDefaultKeyWaitBytes, flags);
     }},
    /**
     * GstE2EEDecrypt:allow-plaintext:
     *
     * Passes frames in the clear until this participant has a key or a frame verified, marked with
     * #GstE2EEUnprotectedMeta. Not with scheme `sframe`, whose frames cannot be told from others.
     * Can be set in NULL or READY.
     *
     * Since: 0.1
     */
    {kAllowPlaintext, kSetInReady,
     [](GParamFlags flags) {
       return g_param_spec_boolean("allow-plaintext", "Allow plaintext",
                                   "Pass frames in the clear until this participant has a key or a "
                                   "frame verified; marked and counted. Not with scheme sframe, "
                                   "whose frames cannot be told from others",
                                   FALSE, flags);
     }},
};

// GObject gives no class the accessors of its parent.
void install(GObjectClass *klass, std::span<const Property> properties) {
  klass->set_property = set_property;
  klass->get_property = get_property;
  install_properties(klass, properties);
}

}  // namespace

void warn_disabled(GstE2EEBase *self) {
  GST_ELEMENT_WARNING(self, STREAM, DECRYPT,
                      ("End-to-end encryption is off: frames pass in the clear"),
                      ("enabled=false on %s", GST_OBJECT_NAME(self)));
}

void install_base_properties(GObjectClass *klass) {
  install(klass, kBase);
  install_properties(klass, sframe_properties());
}

void install_encrypt_properties(GObjectClass *klass) {
  install(klass, kEncrypt);
}

void install_decrypt_properties(GObjectClass *klass) {
  install(klass, kDecrypt);
}

}  // namespace e2ee
