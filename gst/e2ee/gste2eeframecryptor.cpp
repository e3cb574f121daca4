/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eeframecryptor.h>

#include <algorithm>

#include "buffercryptor.h"
#include "core/scheme.h"
#include "properties.h"

using e2ee::BufferCryptor;
using e2ee::FrameSettings;

namespace {

enum : guint { kKeyProvider = e2ee::kFurtherProperties, kStats };

constexpr e2ee::Property kProperties[] = {
    {e2ee::kScheme, e2ee::kConstructOnly, e2ee::scheme_property},
    {e2ee::kParticipant, e2ee::kConstructOnly, e2ee::participant_property},
    {e2ee::kSframeSuite, e2ee::kConstructOnly, e2ee::sframe_suite_property},
    {e2ee::kSframeKid, e2ee::kConstructOnly, e2ee::sframe_kid_property},
    {e2ee::kSframeKidMap, e2ee::kConstructOnly, e2ee::sframe_kid_map_property},
    {e2ee::kSframeSsrc, e2ee::kConstructOnly, e2ee::sframe_ssrc_property},
    {e2ee::kSframePerSsrc, e2ee::kConstructOnly, e2ee::sframe_per_ssrc_property},
    {e2ee::kSframeRatchetBits, e2ee::kConstructOnly, e2ee::sframe_ratchet_bits_property},
    {e2ee::kNalFormat, e2ee::kConstructOnly, e2ee::nal_format_property},
    {e2ee::kClearHeader, e2ee::kConstructOnly, e2ee::clear_header_property},
    {e2ee::kReplayWindow, e2ee::kConstructOnly, e2ee::replay_window_property},
    {e2ee::kServerFrames, e2ee::kConstructOnly, e2ee::server_frames_property},
    {e2ee::kServerTrailer, e2ee::kConstructOnly, e2ee::server_trailer_property},
    {kKeyProvider, e2ee::kConstructOnly, e2ee::key_provider_property},
    {kStats, e2ee::kReadOnly, e2ee::stats_property},
};

constexpr GstClockTime kLongestWait = 3600 * GST_SECOND;

}  // namespace

struct _GstE2EEFrameCryptor {
  GObject parent;
  GstE2EEKeyProvider *provider;
  FrameSettings *settings;
  BufferCryptor *cryptor;
};

G_DEFINE_TYPE(GstE2EEFrameCryptor, gst_e2ee_frame_cryptor, G_TYPE_OBJECT)

static void gst_e2ee_frame_cryptor_set_property(GObject *object, guint id, const GValue *value,
                                                GParamSpec *pspec) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  if (id == kKeyProvider)
    self->provider = static_cast<GstE2EEKeyProvider *>(g_value_dup_object(value));
  else if (!self->settings->set(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_frame_cryptor_get_property(GObject *object, guint id, GValue *value,
                                                GParamSpec *pspec) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  if (id == kKeyProvider)
    g_value_set_object(value, self->provider);
  else if (id == kStats)
    g_value_take_boxed(value, self->cryptor->stats());
  else if (!self->settings->get(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_frame_cryptor_constructed(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  self->cryptor = new BufferCryptor(self->provider, *self->settings);
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->constructed(object);
}

static void gst_e2ee_frame_cryptor_dispose(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  self->cryptor->close();
  g_clear_object(&self->provider);
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->dispose(object);
}

static void gst_e2ee_frame_cryptor_finalize(GObject *object) {
  GstE2EEFrameCryptor *self = GST_E2EE_FRAME_CRYPTOR(object);
  delete self->cryptor;
  delete self->settings;
  G_OBJECT_CLASS(gst_e2ee_frame_cryptor_parent_class)->finalize(object);
}

static void gst_e2ee_frame_cryptor_class_init(GstE2EEFrameCryptorClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_frame_cryptor_set_property;
  object_class->get_property = gst_e2ee_frame_cryptor_get_property;
  object_class->constructed = gst_e2ee_frame_cryptor_constructed;
  object_class->dispose = gst_e2ee_frame_cryptor_dispose;
  object_class->finalize = gst_e2ee_frame_cryptor_finalize;
  e2ee::install_properties(object_class, kProperties);
}

static void gst_e2ee_frame_cryptor_init(GstE2EEFrameCryptor *self) {
  self->settings = new FrameSettings;
}

GstE2EEFrameCryptor *gst_e2ee_frame_cryptor_new(GstE2EEKeyProvider *provider, GstE2EEScheme scheme,
                                                const gchar *participant) {
  g_return_val_if_fail(GST_IS_E2EE_KEY_PROVIDER(provider), nullptr);
  g_return_val_if_fail(static_cast<guint>(scheme) < e2ee::schemes().size(), nullptr);
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
