/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eesharedkeyprovider.h>

#include "ringasync.h"
#include "ringprovider.h"

using e2ee::AsyncCall;
using e2ee::MaterialPtr;
using e2ee::ring_of;

namespace {
// Several senders share the ring: they would run apart if each ratcheted the others along.
constexpr e2ee::RingKind kKind{.shared = true, .default_window = 0};
}  // namespace

struct _GstE2EESharedKeyProvider : e2ee::RingObject {};

G_DEFINE_TYPE_WITH_CODE(GstE2EESharedKeyProvider, gst_e2ee_shared_key_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, e2ee::ring_iface_init))

static void gst_e2ee_shared_key_provider_class_init(GstE2EESharedKeyProviderClass *klass) {
  e2ee::ring_class_init(G_OBJECT_CLASS(klass), kKind);
}

static void gst_e2ee_shared_key_provider_init(GstE2EESharedKeyProvider *self) {
  self->ring = new e2ee::RingProvider(GST_E2EE_KEY_PROVIDER(self), kKind);
}

GstE2EESharedKeyProvider *gst_e2ee_shared_key_provider_new() {
  return GST_E2EE_SHARED_KEY_PROVIDER(g_object_new(GST_TYPE_E2EE_SHARED_KEY_PROVIDER, nullptr));
}

gboolean gst_e2ee_shared_key_provider_set_passphrase(GstE2EESharedKeyProvider *self,
                                                     const gchar *text, guint index,
                                                     GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && text != nullptr, FALSE);
  return ring_of(self).set(
      nullptr, e2ee::material_from_passphrase(e2ee::bytes_of(text), index, error), error);
}

gboolean gst_e2ee_shared_key_provider_set_key(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                              guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && bytes != nullptr, FALSE);
  return ring_of(self).set(nullptr, MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, error)),
                           error);
}

gboolean gst_e2ee_shared_key_provider_set_material(GstE2EESharedKeyProvider *self,
                                                   GstE2EEKeyMaterial *material, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && material != nullptr, FALSE);
  return ring_of(self).set(nullptr, e2ee::material_ref(material), error);
}

GstE2EEKeyMaterial *gst_e2ee_shared_key_provider_get_material(GstE2EESharedKeyProvider *self,
                                                              guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), nullptr);
  return ring_of(self).export_material(nullptr, index, error);
}

gboolean gst_e2ee_shared_key_provider_set_current_index(GstE2EESharedKeyProvider *self, guint index,
                                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).set_current(nullptr, index, error);
}

gboolean gst_e2ee_shared_key_provider_ratchet(GstE2EESharedKeyProvider *self, guint index,
                                              GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).ratchet(nullptr, index, error);
}

gboolean gst_e2ee_shared_key_provider_remove_key(GstE2EESharedKeyProvider *self, guint index,
                                                 GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).remove(nullptr, index, error);
}

void gst_e2ee_shared_key_provider_set_passphrase_async(GstE2EESharedKeyProvider *self,
                                                       const gchar *text, guint index,
                                                       GCancellable *cancellable,
                                                       GAsyncReadyCallback callback,
                                                       gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && text != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_passphrase");
  call.set(nullptr, e2ee::material_from_passphrase(e2ee::bytes_of(text), index, call.error()));
}

gboolean gst_e2ee_shared_key_provider_set_passphrase_finish(GstE2EESharedKeyProvider *self,
                                                            GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_passphrase", error);
}

void gst_e2ee_shared_key_provider_set_key_async(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                                guint index, GCancellable *cancellable,
                                                GAsyncReadyCallback callback, gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && bytes != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_key");
  call.set(nullptr, MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, call.error())));
}

gboolean gst_e2ee_shared_key_provider_set_key_finish(GstE2EESharedKeyProvider *self,
                                                     GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_key", error);
}

void gst_e2ee_shared_key_provider_set_material_async(GstE2EESharedKeyProvider *self,
                                                     GstE2EEKeyMaterial *material,
                                                     GCancellable *cancellable,
                                                     GAsyncReadyCallback callback,
                                                     gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && material != nullptr);
  AsyncCall call(self, cancellable, callback, user_data, "set_material");
  call.set(nullptr, e2ee::material_ref(material));
}

gboolean gst_e2ee_shared_key_provider_set_material_finish(GstE2EESharedKeyProvider *self,
                                                          GAsyncResult *result, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_material", error);
}

void gst_e2ee_shared_key_provider_set_current_index_async(GstE2EESharedKeyProvider *self,
                                                          guint index, GCancellable *cancellable,
                                                          GAsyncReadyCallback callback,
                                                          gpointer user_data) {
  g_return_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self));
  AsyncCall call(self, cancellable, callback, user_data, "set_current_index");
  call.set_current(nullptr, index);
}

gboolean gst_e2ee_shared_key_provider_set_current_index_finish(GstE2EESharedKeyProvider *self,
                                                               GAsyncResult *result,
                                                               GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return e2ee::set_finish(self, result, "set_current_index", error);
}
