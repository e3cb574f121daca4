/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records.h"

namespace elements {

namespace {

// Ratcheted material is bytes, to be derived as the material that it came from was.
bool set_ratcheted(const Provider &provider, const vectors::KeySpec &spec, const Bytes &material) {
  const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(material.data(), material.size()));
  g_autoptr(GstE2EEKeyMaterial) key =
      gst_e2ee_key_material_new_raw(bytes.get(), spec.slot(), nullptr);
  return key != nullptr &&
         gst_e2ee_key_material_set_kdf(
             key, spec.passphrase() ? GST_E2EE_KDF_PBKDF2 : GST_E2EE_KDF_HKDF, nullptr) &&
         gst_e2ee_key_material_set_generation(key, spec.ratchets, nullptr) &&
         gst_e2ee_shared_key_provider_set_material(shared(provider), key, nullptr);
}

}  // namespace

bool set_key(const Provider &provider, const vectors::KeySpec &spec, const Bytes &material) {
  if (spec.ratchets > 0 && !material.empty())
    return set_ratcheted(provider, spec, material);
  if (spec.passphrase())
    return gst_e2ee_shared_key_provider_set_passphrase(shared(provider), spec.value.c_str(),
                                                       spec.slot(), nullptr);
  const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(spec.bytes.data(), spec.bytes.size()));
  return gst_e2ee_shared_key_provider_set_key(shared(provider), bytes.get(), spec.slot(), nullptr);
}

void set_ring(const Provider &provider, const vectors::KeySpec &spec) {
  g_object_set(provider.get(), "keyring-size", spec.ring_size, "key-size", spec.key_size,
               "ratchet-salt", spec.salt.c_str(), "kdf",
               spec.passphrase() ? GST_E2EE_KDF_PBKDF2 : GST_E2EE_KDF_HKDF, nullptr);
}

std::unique_ptr<Element> element_of(const char *factory, const Provider &provider,
                                    const std::string &scheme) {
  auto element = std::make_unique<Element>(factory, provider);
  gst_util_set_object_arg(G_OBJECT(element->get()), "scheme", scheme.c_str());
  return element;
}

std::optional<Peeked> peek(const std::string &scheme, const std::string &caps, const Bytes &frame,
                           GstE2EEClearHeader clear) {
  auto *schemes = static_cast<GEnumClass *>(g_type_class_ref(GST_TYPE_E2EE_SCHEME));
  const int value = g_enum_get_value_by_nick(schemes, scheme.c_str())->value;
  g_type_class_unref(schemes);
  Peeked peeked{99, {}};
  GBytes *iv = nullptr;
  if (!gst_e2ee_peek_frame(static_cast<GstE2EEScheme>(value),
                           caps.substr(0, caps.find(',')).c_str(), clear, buffer_of(frame).get(),
                           &peeked.key_id, &iv)) {
    EXPECT_EQ(iv, nullptr);
    EXPECT_EQ(peeked.key_id, 0U);
    return {};
  }
  const std::unique_ptr<GBytes, Unref> owner(iv);
  gsize size = 0;
  const auto *bytes = static_cast<const guint8 *>(g_bytes_get_data(iv, &size));
  peeked.iv.assign(bytes, bytes + size);
  return peeked;
}

}  // namespace elements
