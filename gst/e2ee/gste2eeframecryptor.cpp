/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eeframecryptor.h>

#include <algorithm>
#include <string>

#include "buffercryptor.h"

using e2ee::BufferCryptor;

namespace {

enum {
  PROP_0,
  PROP_KEY_PROVIDER,
  PROP_SCHEME,
  PROP_PARTICIPANT,
  PROP_SFRAME_SUITE,
  PROP_SFRAME_KID,
  PROP_SFRAME_KID_MAP,
  PROP_CLEAR_HEADER,
  PROP_REPLAY_WINDOW,
  PROP_SERVER_FRAMES,
  PROP_SERVER_TRAILER,
  PROP_STATS,
  N_PROPS,
};

GParamSpec *properties[N_PROPS];

constexpr GstClockTime kLongestWait = 3600 * GST_SECOND;
constexpr guint kMaxReplayWindow = 4096;

}  // namespace

struct _GstE2EEFrameCryptor {
  GObject parent;
  BufferCryptor::Settings *settings;
  std::string *participant;
  guint64 sframe_kid;
  BufferCryptor *cryptor;
};

G_DEFINE_TYPE(GstE2EEFrameCryptor, gst_e2ee_frame_cryptor, G_TYPE_OBJECT)

static void gst_e2ee_frame_cryptor_set_property(GObject *object, guint id, const GValue *value,
                                                GParamSpec *pspec) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  BufferCryptor::Settings &settings = *self->settings;
  switch (id) {
    case PROP_KEY_PROVIDER:
      settings.provider = static_cast<GstE2EEKeyProvider *>(g_value_dup_object(value));
      break;
    case PROP_SCHEME:
      settings.options.scheme = static_cast<GstE2EEScheme>(g_value_get_enum(value));
      break;
    case PROP_PARTICIPANT:
      if (const gchar *text = g_value_get_string(value))
        *self->participant = text;
      break;
    case PROP_SFRAME_SUITE:
      settings.options.sframe_suite = g_value_get_uint(value);
      break;
    case PROP_SFRAME_KID:
      self->sframe_kid = g_value_get_uint64(value);
      break;
    case PROP_SFRAME_KID_MAP:
      settings.options.plain_kids = g_value_get_enum(value) == GST_E2EE_SFRAME_KID_MAP_PLAIN;
      break;
    case PROP_CLEAR_HEADER:
      settings.options.clear_header = g_value_get_enum(value) == GST_E2EE_CLEAR_HEADER_SCHEME;
      break;
    case PROP_REPLAY_WINDOW:
      settings.replay_window = g_value_get_uint(value);
      break;
    case PROP_SERVER_FRAMES:
      settings.server_frames = static_cast<GstE2EEServerFrames>(g_value_get_enum(value));
      break;
    case PROP_SERVER_TRAILER:
      if (const gchar *text = g_value_get_string(value))
        settings.server_trailer = text;
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_e2ee_frame_cryptor_get_property(GObject *object, guint id, GValue *value,
                                                GParamSpec *pspec) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  const BufferCryptor::Settings &settings = *self->settings;
  switch (id) {
    case PROP_KEY_PROVIDER:
      g_value_set_object(value, settings.provider);
      break;
    case PROP_SCHEME:
      g_value_set_enum(value, settings.options.scheme);
      break;
    case PROP_PARTICIPANT:
      g_value_set_string(value, settings.options.participant);
      break;
    case PROP_SFRAME_SUITE:
      g_value_set_uint(value, settings.options.sframe_suite);
      break;
    case PROP_SFRAME_KID:
      g_value_set_uint64(value, self->sframe_kid);
      break;
    case PROP_SFRAME_KID_MAP:
      g_value_set_enum(value, settings.options.plain_kids ? GST_E2EE_SFRAME_KID_MAP_PLAIN
                                                          : GST_E2EE_SFRAME_KID_MAP_PROFILE);
      break;
    case PROP_CLEAR_HEADER:
      g_value_set_enum(value, settings.options.clear_header ? GST_E2EE_CLEAR_HEADER_SCHEME
                                                            : GST_E2EE_CLEAR_HEADER_NONE);
      break;
    case PROP_REPLAY_WINDOW:
      g_value_set_uint(value, settings.replay_window);
      break;
    case PROP_SERVER_FRAMES:
      g_value_set_enum(value, settings.server_frames);
      break;
    case PROP_SERVER_TRAILER:
      g_value_set_string(
          value, settings.server_trailer.empty() ? nullptr : settings.server_trailer.c_str());
      break;
    case PROP_STATS:
      g_value_take_boxed(value, self->cryptor->stats());
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void gst_e2ee_frame_cryptor_constructed(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  e2ee::CryptorOptions &options = self->settings->options;
  if (!self->participant->empty())
    options.participant = self->participant->c_str();
  if (self->sframe_kid != G_MAXUINT64)
    options.sframe_kid = self->sframe_kid;
  self->cryptor = new BufferCryptor(*self->settings);
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->constructed(object);
}

static void gst_e2ee_frame_cryptor_dispose(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  self->cryptor->close();
  g_clear_object(&self->settings->provider);
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->dispose(object);
}

static void gst_e2ee_frame_cryptor_finalize(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  delete self->cryptor;
  delete self->settings;
  delete self->participant;
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->finalize(object);
}

static constexpr auto kConstructOnly =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

static void make_sframe_properties() {
  properties[PROP_SFRAME_SUITE] = g_param_spec_uint(
      "sframe-suite", "SFrame cipher suite",
      "Cipher suite of scheme sframe by its number in RFC 9605; 3, with a 32-bit tag, is refused "
      "for video",
      1, 5, 4, kConstructOnly);
  properties[PROP_SFRAME_KID] = g_param_spec_uint64(
      "sframe-kid", "SFrame key id",
      "Scheme sframe: an explicit KID to encrypt with, for applications that guarantee a base key "
      "which no other sender and no earlier start used; default: drawn at random",
      0, G_MAXUINT64, G_MAXUINT64, kConstructOnly);
  properties[PROP_SFRAME_KID_MAP] = g_param_spec_enum(
      "sframe-kid-map", "SFrame KID map",
      "Scheme sframe: how the KID of a frame to decrypt names its key",
      GST_TYPE_E2EE_SFRAME_KID_MAP, GST_E2EE_SFRAME_KID_MAP_PROFILE, kConstructOnly);
  properties[PROP_CLEAR_HEADER] = g_param_spec_enum(
      "clear-header", "Clear header", "Scheme sframe: whether VP8 keeps its header readable",
      GST_TYPE_E2EE_CLEAR_HEADER, GST_E2EE_CLEAR_HEADER_SCHEME, kConstructOnly);
}

static void make_server_properties() {
  properties[PROP_SERVER_FRAMES] = g_param_spec_enum(
      "server-frames", "Server frames",
      "Frames that the media server makes in the clear: drop fails them; known passes only the "
      "published filler payloads; pass passes any that end with server-trailer",
      GST_TYPE_E2EE_SERVER_FRAMES, GST_E2EE_SERVER_FRAMES_DROP, kConstructOnly);
  properties[PROP_SERVER_TRAILER] = g_param_spec_string(
      "server-trailer", "Server trailer",
      "Trailer that the media server announced for such frames, in hex digits, at least 7 bytes; "
      "unset: that of the scheme",
      nullptr, kConstructOnly);
}

static void make_properties() {
  const auto read = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_KEY_PROVIDER] =
      g_param_spec_object("key-provider", "Key provider", "Where keys come from",
                          GST_TYPE_E2EE_KEY_PROVIDER, kConstructOnly);
  properties[PROP_SCHEME] = g_param_spec_enum(
      "scheme", "Scheme", "Wire format and key schedule; both ends must use the same",
      GST_TYPE_E2EE_SCHEME, GST_E2EE_SCHEME_LIVEKIT, kConstructOnly);
  properties[PROP_PARTICIPANT] = g_param_spec_string(
      "participant", "Participant", "Identity whose key is used; unset: the shared key", nullptr,
      kConstructOnly);
  properties[PROP_REPLAY_WINDOW] =
      g_param_spec_uint("replay-window", "Replay window",
                        "How many accepted frames are remembered, to refuse those that come again; "
                        "0: none",
                        0, kMaxReplayWindow, 0, kConstructOnly);
  properties[PROP_STATS] = g_param_spec_boxed(
      "stats", "Statistics",
      "Frames and bytes, frames that failed by reason, and id, generation and fingerprint of the "
      "key in use",
      GST_TYPE_STRUCTURE, read);
}

static void gst_e2ee_frame_cryptor_class_init(GstE2EEFrameCryptorClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_frame_cryptor_set_property;
  object_class->get_property = gst_e2ee_frame_cryptor_get_property;
  object_class->constructed = gst_e2ee_frame_cryptor_constructed;
  object_class->dispose = gst_e2ee_frame_cryptor_dispose;
  object_class->finalize = gst_e2ee_frame_cryptor_finalize;
  make_properties();
  make_sframe_properties();
  make_server_properties();
  g_object_class_install_properties(object_class, N_PROPS, properties);
}

static void gst_e2ee_frame_cryptor_init(GstE2EEFrameCryptor *self) {
  self->settings = new BufferCryptor::Settings;
  self->participant = new std::string;
}

GstE2EEFrameCryptor *gst_e2ee_frame_cryptor_new(GstE2EEKeyProvider *provider, GstE2EEScheme scheme,
                                                const gchar *participant) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  g_return_val_if_fail(scheme >= GST_E2EE_SCHEME_LIVEKIT && scheme <= GST_E2EE_SCHEME_SFRAME,
                       nullptr);
  return GST_E2EE_FRAME_CRYPTOR(g_object_new(GST_TYPE_E2EE_FRAME_CRYPTOR, "key-provider", provider,
                                             "scheme", scheme, "participant", participant,
                                             nullptr));
}

gboolean gst_e2ee_frame_cryptor_set_caps(GstE2EEFrameCryptor *self, GstCaps *caps,
                                         GstCaps **encrypted, GstCaps **decrypted, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_FRAME_CRYPTOR(self), FALSE);
  g_return_val_if_fail(GST_IS_CAPS(caps) && gst_caps_is_fixed(caps), FALSE);
  g_return_val_if_fail(error == nullptr || *error == nullptr, FALSE);
  return self->cryptor->set_caps(caps, encrypted, decrypted, error);
}

gboolean gst_e2ee_frame_cryptor_prepare(GstE2EEFrameCryptor *self, GstClockTime timeout,
                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_FRAME_CRYPTOR(self), FALSE);
  g_return_val_if_fail(error == nullptr || *error == nullptr, FALSE);
  const GstClockTime limit = std::min(timeout, kLongestWait);
  return self->cryptor->prepare(std::chrono::milliseconds(limit / GST_MSECOND), error);
}

GstBuffer *gst_e2ee_frame_cryptor_encrypt(GstE2EEFrameCryptor *self, GstBuffer *buffer,
                                          GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_FRAME_CRYPTOR(self) && GST_IS_BUFFER(buffer), nullptr);
  g_return_val_if_fail(error == nullptr || *error == nullptr, nullptr);
  return self->cryptor->encrypt(buffer, error);
}

GstBuffer *gst_e2ee_frame_cryptor_decrypt(GstE2EEFrameCryptor *self, GstBuffer *buffer,
                                          GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_FRAME_CRYPTOR(self) && GST_IS_BUFFER(buffer), nullptr);
  g_return_val_if_fail(error == nullptr || *error == nullptr, nullptr);
  return self->cryptor->decrypt(buffer, error);
}
