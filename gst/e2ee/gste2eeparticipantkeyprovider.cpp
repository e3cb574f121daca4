/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eeparticipantkeyprovider.h>

#include "providerfile.h"
#include "ringasync.h"
#include "ringprovider.h"

using e2ee::AsyncCall;
using e2ee::MaterialPtr;
using e2ee::ring_of;

namespace {
// Each participant's own key moves on: receivers look ahead without being told.
constexpr e2ee::RingKind kKind{.shared = false, .default_window = 8};
}  // namespace

struct _GstE2EEParticipantKeyProvider : e2ee::RingObject {};

G_DEFINE_TYPE_WITH_CODE(GstE2EEParticipantKeyProvider, gst_e2ee_participant_key_provider,
                        G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, e2ee::ring_iface_init))

static void gst_e2ee_participant_key_provider_class_init(
    GstE2EEParticipantKeyProviderClass *klass) {
  e2ee::ring_class_init(G_OBJECT_CLASS(klass), kKind);
}

static void gst_e2ee_participant_key_provider_init(GstE2EEParticipantKeyProvider *self) {
  self->ring = new e2ee::RingProvider(GST_E2EE_KEY_PROVIDER(self), kKind);
}

GstE2EEParticipantKeyProvider *gst_e2ee_participant_key_provider_new() {
  return GST_E2EE_PARTICIPANT_KEY_PROVIDER(
      g_object_new(GST_TYPE_E2EE_PARTICIPANT_KEY_PROVIDER, nullptr));
}

gboolean gst_e2ee_participant_key_provider_set_passphrase(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *participant,
                                                          const gchar *text, guint index,
                                                          GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && text != nullptr, FALSE);
  return ring_of(self).set(
      participant, e2ee::material_from_passphrase(e2ee::bytes_of(text), index, error), error);
}

gboolean gst_e2ee_participant_key_provider_set_key(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, GBytes *bytes,
                                                   guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && bytes != nullptr, FALSE);
  return ring_of(self).set(participant,
                           MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, error)), error);
}

gboolean gst_e2ee_participant_key_provider_set_material(GstE2EEParticipantKeyProvider *self,
                                                        const gchar *participant,
                                                        GstE2EEKeyMaterial *material,
                                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && material != nullptr, FALSE);
  return ring_of(self).set(participant, e2ee::material_ref(material), error);
}

GstE2EEKeyMaterial *gst_e2ee_participant_key_provider_get_material(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), nullptr);
  return ring_of(self).export_material(participant, index, error);
}

gboolean gst_e2ee_participant_key_provider_set_current_index(GstE2EEParticipantKeyProvider *self,
                                                             const gchar *participant, guint index,
                                                             GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return ring_of(self).set_current(participant, index, error);
}

gboolean gst_e2ee_participant_key_provider_ratchet(GstE2EEParticipantKeyProvider *self,
                                                   const gchar *participant, guint index,
                                                   GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return ring_of(self).ratchet(participant, index, error);
}

gboolean gst_e2ee_participant_key_provider_remove_key(GstE2EEParticipantKeyProvider *self,
                                                      const gchar *participant, guint index,
                                                      GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return ring_of(self).remove(participant, index, error);
}

gboolean gst_e2ee_participant_key_provider_remove(GstE2EEParticipantKeyProvider *self,
                                                  const gchar *participant, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return ring_of(self).remove_all(participant, error);
}

gboolean gst_e2ee_participant_key_provider_load_keys_file(GstE2EEParticipantKeyProvider *self,
                                                          const gchar *path, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && path != nullptr, FALSE);
  e2ee::ProviderFile::forget(GST_E2EE_KEY_PROVIDER(self));
  return ring_of(self).file_keys().load(path, error);
}

gchar **gst_e2ee_participant_key_provider_get_participants(GstE2EEParticipantKeyProvider *self) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), nullptr);
  GStrvBuilder *identities = g_strv_builder_new();
  for (const std::string &identity : ring_of(self).store().owners())
    g_strv_builder_add(identities, identity.c_str());
  gchar **found = g_strv_builder_end(identities);
  g_strv_builder_unref(identities);
  return found;
}

void gst_e2ee_participant_key_provider_set_passphrase_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, const gchar *text, guint index,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && text != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_passphrase");
  call.set(participant, e2ee::material_from_passphrase(e2ee::bytes_of(text), index, call.error()));
}

gboolean gst_e2ee_participant_key_provider_set_passphrase_finish(
    GstE2EEParticipantKeyProvider *self, GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_passphrase", error);
}

void gst_e2ee_participant_key_provider_set_key_async(GstE2EEParticipantKeyProvider *self,
                                                     const gchar *participant, GBytes *bytes,
                                                     guint index, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback,
                                                     gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && bytes != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_key");
  call.set(participant, MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, call.error())));
}

gboolean gst_e2ee_participant_key_provider_set_key_finish(GstE2EEParticipantKeyProvider *self,
                                                          GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_key", error);
}

void gst_e2ee_participant_key_provider_set_material_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, GstE2EEKeyMaterial *material,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self) && material != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_material");
  call.set(participant, e2ee::material_ref(material));
}

gboolean gst_e2ee_participant_key_provider_set_material_finish(GstE2EEParticipantKeyProvider *self,
                                                               GAsyncResult *result,
                                                               GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_material", error);
}

void gst_e2ee_participant_key_provider_set_current_index_async(
    GstE2EEParticipantKeyProvider *self, const gchar *participant, guint index,
    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self));
  AsyncCall call(self, cancellable, callback, user_data, "set_current_index");
  call.set_current(participant, index);
}

gboolean gst_e2ee_participant_key_provider_set_current_index_finish(
    GstE2EEParticipantKeyProvider *self, GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_PARTICIPANT_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_current_index", error);
}
