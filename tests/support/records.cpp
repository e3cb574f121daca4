/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/records.h"

namespace e2ee::test {

namespace {

// Ratcheted material is bytes, to be derived as the material that it came from was.
bool set_ratcheted(const Provider &provider, const vectors::KeySpec &spec, const Bytes &material) {
  const Material owned(raw_material(material, spec.slot()));
  GstE2EEKeyMaterial *key = owned.get();
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
  return gst_e2ee_shared_key_provider_set_key(shared(provider), bytes_ref(spec.bytes).get(),
                                              spec.slot(), nullptr);
}

void set_ring(const Provider &provider, const vectors::KeySpec &spec) {
  g_object_set(provider.get(), "keyring-size", spec.ring_size, "key-size", spec.key_size,
               "ratchet-salt", spec.salt.c_str(), "kdf",
               spec.passphrase() ? GST_E2EE_KDF_PBKDF2 : GST_E2EE_KDF_HKDF, nullptr);
}

// All options are for keys that are set afterwards, so that the key comes last.
Provider provider_of(const vectors::Record &record, const Bytes &material) {
  Provider provider = empty_provider();
  set_ring(provider, record.key);
  g_object_set(provider.get(), "ratchet-window", record.receiver.ratchet_window.value_or(0),
               "failure-tolerance", record.receiver.failure_tolerance.value_or(-1), nullptr);
  EXPECT_TRUE(set_key(provider, record.key, material));
  if (record.receiver.also_index) {
    vectors::KeySpec also = record.key;
    also.bytes = record.receiver.also_key;
    also.index = *record.receiver.also_index;
    EXPECT_TRUE(set_key(provider, also));
    EXPECT_TRUE(gst_e2ee_shared_key_provider_set_current_index(
        shared(provider), record.receiver.current_key_index.value(), nullptr));
  }
  return provider;
}

const char *caps_of(const std::string &codec) {
  if (codec == "vp8")
    return kVp8;
  if (codec == "vp9")
    return kVp9;
  if (codec == "h264")
    return kH264;
  if (codec == "h265")
    return kH265;
  return codec == "opus" ? kOpus : nullptr;
}

GstE2EEScheme scheme_of(const std::string &nick) {
  const std::unique_ptr<void, FreeWith<&g_type_class_unref>> schemes(
      g_type_class_ref(GST_TYPE_E2EE_SCHEME));
  const GEnumValue *value = g_enum_get_value_by_nick(G_ENUM_CLASS(schemes.get()), nick.c_str());
  EXPECT_NE(value, nullptr) << nick;
  return value != nullptr ? static_cast<GstE2EEScheme>(value->value) : GST_E2EE_SCHEME_LIVEKIT;
}

std::unique_ptr<Element> element_of(const char *factory, const Provider &provider,
                                    const std::string &scheme) {
  auto element = std::make_unique<Element>(factory, provider);
  element->set("scheme", scheme);
  return element;
}

std::optional<Peeked> peek(const std::string &scheme, const std::string &caps, const Bytes &frame,
                           GstE2EEClearHeader clear) {
  Peeked peeked{99, {}};
  GBytes *iv = nullptr;
  if (!gst_e2ee_peek_frame(scheme_of(scheme), caps.substr(0, caps.find(',')).c_str(), clear,
                           buffer_of(frame).get(), &peeked.key_id, &iv)) {
    EXPECT_EQ(iv, nullptr);
    EXPECT_EQ(peeked.key_id, 0U);
    return {};
  }
  peeked.iv = bytes_of(BytesRef(iv).get());
  return peeked;
}

}  // namespace e2ee::test
