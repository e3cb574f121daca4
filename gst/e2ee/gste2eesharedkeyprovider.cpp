/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/e2ee/gste2eesharedkeyprovider.h>

#include "ringprovider.h"

using e2ee::KeyStore;
using e2ee::MaterialPtr;
using e2ee::RingProvider;

namespace {
// Several senders share the ring: they would run apart if each ratcheted the others along.
constexpr guint kDefaultWindow = 0;
}  // namespace

struct _GstE2EESharedKeyProvider {
  GObject parent;
  KeyStore *store;
};

static GstE2EEKeyMaterial *shared_lookup_current(GstE2EEKeyProvider *provider, const gchar *,
                                                 GError **) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider)->store->lookup_current({}).release();
}

static GstE2EEKeyMaterial *shared_lookup(GstE2EEKeyProvider *provider, const gchar *,
                                         guint64 key_id, GError **) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider)->store->lookup({}, key_id).release();
}

static void shared_ratcheted(GstE2EEKeyProvider *provider, const gchar *, guint64, guint64,
                             GstE2EEKeyMaterial *material) {
  e2ee::note_ratchet(provider, *GST_E2EE_SHARED_KEY_PROVIDER(provider)->store, nullptr, material);
}

static void shared_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = shared_lookup_current;
  iface->lookup = shared_lookup;
  iface->ratcheted = shared_ratcheted;
}

G_DEFINE_TYPE_WITH_CODE(GstE2EESharedKeyProvider, gst_e2ee_shared_key_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER, shared_iface_init))

static void gst_e2ee_shared_key_provider_set_property(GObject *object, guint id,
                                                      const GValue *value, GParamSpec *pspec) {
  if (!e2ee::set_ring_property(object, *GST_E2EE_SHARED_KEY_PROVIDER(object)->store, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_shared_key_provider_get_property(GObject *object, guint id, GValue *value,
                                                      GParamSpec *pspec) {
  if (!e2ee::get_ring_property(object, *GST_E2EE_SHARED_KEY_PROVIDER(object)->store, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_e2ee_shared_key_provider_finalize(GObject *object) {
  delete GST_E2EE_SHARED_KEY_PROVIDER(object)->store;
  G_OBJECT_CLASS(gst_e2ee_shared_key_provider_parent_class)->finalize(object);
}

static void gst_e2ee_shared_key_provider_class_init(GstE2EESharedKeyProviderClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_e2ee_shared_key_provider_set_property;
  object_class->get_property = gst_e2ee_shared_key_provider_get_property;
  object_class->finalize = gst_e2ee_shared_key_provider_finalize;
  e2ee::install_ring_properties(object_class, kDefaultWindow);
}

static void gst_e2ee_shared_key_provider_init(GstE2EESharedKeyProvider *self) {
  self->store = e2ee::new_key_store(kDefaultWindow);
}

static RingProvider ring_of(GstE2EESharedKeyProvider *self) {
  return RingProvider(self, *self->store, nullptr);
}

GstE2EESharedKeyProvider *gst_e2ee_shared_key_provider_new() {
  return GST_E2EE_SHARED_KEY_PROVIDER(g_object_new(GST_TYPE_E2EE_SHARED_KEY_PROVIDER, nullptr));
}

gboolean gst_e2ee_shared_key_provider_set_passphrase(GstE2EESharedKeyProvider *self,
                                                     const gchar *text, guint index,
                                                     GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && text != nullptr, FALSE);
  return ring_of(self).set(e2ee::material_from_passphrase(e2ee::bytes_of(text), index, error),
                           error);
}

gboolean gst_e2ee_shared_key_provider_set_key(GstE2EESharedKeyProvider *self, GBytes *bytes,
                                              guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && bytes != nullptr, FALSE);
  return ring_of(self).set(MaterialPtr(gst_e2ee_key_material_new_raw(bytes, index, error)), error);
}

gboolean gst_e2ee_shared_key_provider_set_material(GstE2EESharedKeyProvider *self,
                                                   GstE2EEKeyMaterial *material, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self) && material != nullptr, FALSE);
  return ring_of(self).set(e2ee::material_ref(material), error);
}

GstE2EEKeyMaterial *gst_e2ee_shared_key_provider_get_material(GstE2EESharedKeyProvider *self,
                                                              guint index, GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), nullptr);
  return self->store->export_material({}, index, error).release();
}

gboolean gst_e2ee_shared_key_provider_set_current_index(GstE2EESharedKeyProvider *self, guint index,
                                                        GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).set_current(index, error);
}

gboolean gst_e2ee_shared_key_provider_ratchet(GstE2EESharedKeyProvider *self, guint index,
                                              GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).ratchet(index, error);
}

gboolean gst_e2ee_shared_key_provider_remove_key(GstE2EESharedKeyProvider *self, guint index,
                                                 GError **error) {
  g_return_val_if_fail(GST_IS_E2EE_SHARED_KEY_PROVIDER(self), FALSE);
  return ring_of(self).remove(index, error);
}
