/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What tests of key rings for each participant share.
#pragma once

#include "files.h"
#include "helpers.h"

namespace elements {

inline GstE2EEParticipantKeyProvider *ring_of(const Provider &provider) {
  return GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider.get());
}

inline Provider new_ring() {
  return own(gst_e2ee_participant_key_provider_new());
}

/// From raw bytes: each step of these takes microseconds.
inline void set_key(const Provider &provider, const char *who, const Bytes &key, guint index = 0) {
  const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(key.data(), key.size()));
  Error error;
  EXPECT_TRUE(gst_e2ee_participant_key_provider_set_key(ring_of(provider), who, bytes.get(), index,
                                                        error.at()))
      << error.text();
}

inline void set_key(const Provider &provider, const char *who, guint8 fill, guint index = 0) {
  set_key(provider, who, Bytes(32, fill), index);
}

inline void set_passphrase(const Provider &provider, const char *who, const char *text,
                           guint index = 0) {
  Error error;
  EXPECT_TRUE(gst_e2ee_participant_key_provider_set_passphrase(ring_of(provider), who, text, index,
                                                               error.at()))
      << error.text();
}

inline void set_current(const Provider &provider, const char *who, guint index) {
  EXPECT_TRUE(
      gst_e2ee_participant_key_provider_set_current_index(ring_of(provider), who, index, nullptr));
}

inline void ratchet(const Provider &provider, const char *who, unsigned steps = 1) {
  for (unsigned i = 0; i < steps; ++i)
    EXPECT_TRUE(gst_e2ee_participant_key_provider_ratchet(ring_of(provider), who, 0, nullptr));
}

inline std::string fingerprint(const Provider &provider, const char *who, guint64 id = 0) {
  const Text text(gst_e2ee_key_provider_get_fingerprint(provider.get(), who, id));
  return text ? text.get() : "";
}

/// What is encrypted.
inline const Bytes kPlain = noise(60, 1);

/// Whether a keys file with this text is taken.
inline bool load(const Provider &provider, const std::string &text) {
  const KeyFile file("keys.ini", text);
  Error error;
  const bool loaded = gst_e2ee_participant_key_provider_load_keys_file(
      ring_of(provider), file.path().c_str(), error.at());
  EXPECT_EQ(loaded, !error) << error.text();
  return loaded;
}

inline bool has_key(const Provider &provider, const char *who, guint64 id = 0) {
  g_autoptr(GstE2EEKeyMaterial) found =
      gst_e2ee_key_provider_lookup(provider.get(), who, id, nullptr);
  return found != nullptr;
}

/// An element of one participant, running.
class End : public Element {
 public:
  End(const char *factory, const Provider &provider, const char *who, const char *caps = kOpus,
      guint64 key_wait = 0)
      : Element(factory, provider) {
    g_object_set(get(), "participant", who, nullptr);
    if (key_wait != 0)
      g_object_set(get(), "key-wait", key_wait, nullptr);
    start(caps);
  }
};

inline Bytes sealed_by(const char *who, const Provider &provider, const Bytes &plain) {
  const std::optional<Bytes> out = End("e2eeencrypt", provider, who).pass(plain);
  EXPECT_TRUE(out) << who;
  return out.value_or(Bytes{});
}

}  // namespace elements
