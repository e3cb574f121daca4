/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/providers.h"

#include "support/files.h"

namespace e2ee::test {

Provider parsed(const std::string &text) {
  Error error;
  Provider provider = own(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()));
  EXPECT_TRUE(provider) << text << ": " << error.text();
  return provider;
}

GstE2EEKeyMaterial *raw_material(const Bytes &key, guint64 key_id) {
  return gst_e2ee_key_material_new_raw(bytes_ref(key).get(), key_id, nullptr);
}

GstE2EEKeyMaterial *raw_material(guint8 fill, guint64 key_id) {
  return raw_material(Bytes(32, fill), key_id);
}

std::string fingerprint(const Provider &provider, const char *who, guint64 id) {
  const Text text(gst_e2ee_key_provider_get_fingerprint(provider.get(), who, id));
  return text ? text.get() : "";
}

bool has_key(const Provider &provider, const char *who, guint64 id) {
  return Material(gst_e2ee_key_provider_lookup(provider.get(), who, id, nullptr)) != nullptr;
}

// ---- one ring for everyone ----------------------------------------------------------------------

Provider empty_provider() {
  return own(gst_e2ee_shared_key_provider_new());
}

Provider raw_provider(guint8 fill, guint index) {
  Provider provider = empty_provider();
  set_raw(provider, fill, index);
  return provider;
}

Provider passphrase_provider(const char *passphrase, guint index) {
  Provider provider = empty_provider();
  set_text(provider, passphrase, index);
  return provider;
}

void set_raw(const Provider &provider, guint8 fill, guint index) {
  Error error;
  EXPECT_TRUE(gst_e2ee_shared_key_provider_set_key(
      shared(provider), bytes_ref(Bytes(32, fill)).get(), index, error.at()))
      << error.text();
}

void set_text(const Provider &provider, const char *text, guint index) {
  Error error;
  EXPECT_TRUE(
      gst_e2ee_shared_key_provider_set_passphrase(shared(provider), text, index, error.at()))
      << error.text();
}

// ---- a ring for each participant ----------------------------------------------------------------

Provider new_ring() {
  return own(gst_e2ee_participant_key_provider_new());
}

void set_key(const Provider &provider, const char *who, const Bytes &key, guint index) {
  Error error;
  EXPECT_TRUE(gst_e2ee_participant_key_provider_set_key(ring_of(provider), who,
                                                        bytes_ref(key).get(), index, error.at()))
      << error.text();
}

void set_key(const Provider &provider, const char *who, guint8 fill, guint index) {
  set_key(provider, who, Bytes(32, fill), index);
}

Provider ring_with(guint8 fill) {
  Provider provider = new_ring();
  set_key(provider, kAlice, fill);
  return provider;
}

void set_passphrase(const Provider &provider, const char *who, const char *text, guint index) {
  Error error;
  EXPECT_TRUE(gst_e2ee_participant_key_provider_set_passphrase(ring_of(provider), who, text, index,
                                                               error.at()))
      << error.text();
}

void set_current(const Provider &provider, const char *who, guint index) {
  EXPECT_TRUE(
      gst_e2ee_participant_key_provider_set_current_index(ring_of(provider), who, index, nullptr));
}

void ratchet(const Provider &provider, const char *who, unsigned steps) {
  for (unsigned i = 0; i < steps; ++i)
    EXPECT_TRUE(gst_e2ee_participant_key_provider_ratchet(ring_of(provider), who, 0, nullptr));
}

bool load(const Provider &provider, const std::string &text) {
  const KeyFile file("keys.ini", text);
  Error error;
  const bool loaded = gst_e2ee_participant_key_provider_load_keys_file(
      ring_of(provider), file.path().c_str(), error.at());
  EXPECT_EQ(loaded, !error) << error.text();
  return loaded;
}

}  // namespace e2ee::test
