/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/custom_provider.h"

#include <algorithm>

using e2ee::test::CustomKeys;

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

static void note_ratcheted(GstE2EEKeyProvider *provider, const gchar *participant, guint64 key_id,
                           guint64 generation, GstE2EEKeyMaterial *material) {
  const std::shared_ptr<CustomKeys> keys = *reinterpret_cast<CustomProvider *>(provider)->keys;
  std::lock_guard lock(keys->mutex);
  keys->ratcheted.push_back({participant ? std::optional<std::string>(participant) : std::nullopt,
                             key_id, generation,
                             std::shared_ptr<GstE2EEKeyMaterial>(
                                 gst_e2ee_key_material_ref(material), gst_e2ee_key_material_unref),
                             std::this_thread::get_id()});
}

static void custom_provider_iface_init(GstE2EEKeyProviderInterface *iface) {
  iface->lookup_current = [](GstE2EEKeyProvider *provider, const gchar *participant,
                             GError **error) { return ask(provider, true, participant, 0, error); };
  iface->lookup = [](GstE2EEKeyProvider *provider, const gchar *participant, guint64 key_id,
                     GError **error) { return ask(provider, false, participant, key_id, error); };
  iface->ratcheted = note_ratcheted;
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

namespace e2ee::test {

Provider custom_provider(const std::shared_ptr<CustomKeys> &keys) {
  auto *provider = static_cast<CustomProvider *>(g_object_new(custom_provider_get_type(), nullptr));
  *provider->keys = keys;
  return own(provider);
}

CustomKeys::LookUp Blocking::lookup(CustomKeys::LookUp answer) const {
  return [inside = inside_, opened = opened_, answer = std::move(answer)](
             const std::string &who, guint64 id, GError **error) {
    GstE2EEKeyMaterial *material = answer(who, id, error);
    ++*inside;
    opened.wait();
    --*inside;
    return material;
  };
}

Provider Blocking::provider() const {
  auto keys = std::make_shared<CustomKeys>();
  keys->current = keys->lookup =
      lookup([](const std::string &, guint64 id, GError **) { return raw_material(1, id); });
  return custom_provider(keys);
}

Provider provider_of_kid(guint64 kid, const Bytes &base) {
  auto keys = std::make_shared<CustomKeys>();
  keys->lookup = [=](const std::string &, guint64 id, GError **) {
    return id == kid ? raw_material(base, id) : nullptr;
  };
  keys->current = [=](const std::string &, guint64, GError **) { return raw_material(base, kid); };
  return custom_provider(keys);
}

}  // namespace e2ee::test
