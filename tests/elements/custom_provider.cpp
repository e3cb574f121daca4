/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "custom_provider.h"

#include <algorithm>

using elements::CustomKeys;

struct CustomProvider {
  GObject parent;
  std::shared_ptr<CustomKeys> *keys;
};
struct CustomProviderClass {
  GObjectClass parent;
};

static GstE2EEKeyMaterial *ask(GstE2EEKeyProvider *provider, bool current, const gchar *participant,
                               guint64 key_id, GError **error) {
  const std::shared_ptr<CustomKeys> keys = *reinterpret_cast<CustomProvider *>(provider)->keys;
  const std::string name = participant ? participant : "";
  const unsigned inside = ++keys->inside;
  keys->most_inside = std::max<unsigned>(keys->most_inside, inside);
  ++keys->calls;
  {
    std::lock_guard lock(keys->mutex);
    keys->threads.insert(std::this_thread::get_id());
    if (!current)
      keys->asked.emplace_back(name, key_id);
  }
  const CustomKeys::LookUp &answer = current ? keys->current : keys->lookup;
  GstE2EEKeyMaterial *material = answer ? answer(name, key_id, error) : nullptr;
  --keys->inside;
  return material;
}

static void custom_provider_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = [](GstE2EEKeyProvider *provider, const gchar *participant,
                             GError **error) { return ask(provider, true, participant, 0, error); };
  iface->lookup = [](GstE2EEKeyProvider *provider, const gchar *participant, guint64 key_id,
                     GError **error) { return ask(provider, false, participant, key_id, error); };
}

G_DEFINE_TYPE_WITH_CODE(CustomProvider, custom_provider, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_E2EE_KEY_PROVIDER,
                                              custom_provider_iface_init))

static void custom_provider_class_init(CustomProviderClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = [](GObject *object) {
    delete reinterpret_cast<CustomProvider *>(object)->keys;
    G_OBJECT_CLASS(custom_provider_parent_class)->finalize(object);
  };
}

static void custom_provider_init(CustomProvider *self) {
  self->keys = new std::shared_ptr<CustomKeys>;
}

namespace elements {

Provider custom_provider(const std::shared_ptr<CustomKeys> &keys) {
  auto *provider = static_cast<CustomProvider *>(g_object_new(custom_provider_get_type(), nullptr));
  *provider->keys = keys;
  return own(provider);
}

}  // namespace elements
