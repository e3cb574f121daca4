/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Key providers with keys in them: one ring for everyone, or a ring for each participant.
#pragma once

#include <memory>
#include <string>

#include "support/owned.h"

namespace e2ee::test {

using Provider = std::shared_ptr<GstE2EEKeyProvider>;

/// Takes the reference.
template <typename Object>
Provider own(Object *object) {
  return Provider(reinterpret_cast<GstE2EEKeyProvider *>(object), [](GstE2EEKeyProvider *provider) {
    if (provider != nullptr)
      g_object_unref(provider);
  });
}

/// From the string form, which has to be right.
Provider parsed(const std::string &text);

GstE2EEKeyMaterial *raw_material(guint8 fill, guint64 key_id);
GstE2EEKeyMaterial *raw_material(const Bytes &key, guint64 key_id);

/// Empty until it is derived.
std::string fingerprint(const Provider &provider, const char *who, guint64 id = 0);
bool has_key(const Provider &provider, const char *who, guint64 id = 0);

// ---- one ring for everyone ----------------------------------------------------------------------

inline GstE2EESharedKeyProvider *shared(const Provider &provider) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider.get());
}

Provider empty_provider();
/// 32 bytes of `fill`: derived without PBKDF2, so that tests are quick.
Provider raw_provider(guint8 fill, guint index = 0);
Provider passphrase_provider(const char *passphrase, guint index = 0);
void set_raw(const Provider &provider, guint8 fill, guint index);
void set_text(const Provider &provider, const char *text, guint index);

// ---- a ring for each participant ----------------------------------------------------------------

inline GstE2EEParticipantKeyProvider *ring_of(const Provider &provider) {
  return GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider.get());
}

Provider new_ring();
/// From raw bytes: each step of these takes microseconds.
void set_key(const Provider &provider, const char *who, const Bytes &key, guint index = 0);
void set_key(const Provider &provider, const char *who, guint8 fill, guint index = 0);
void set_passphrase(const Provider &provider, const char *who, const char *text, guint index = 0);
/// A ring with one key of these, of Alice.
Provider ring_with(guint8 fill);
inline constexpr char kAlice[] = "alice";
void set_current(const Provider &provider, const char *who, guint index);
void ratchet(const Provider &provider, const char *who, unsigned steps = 1);
/// Whether a keys file with this text is taken.
bool load(const Provider &provider, const std::string &text);

}  // namespace e2ee::test
