/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the shipped providers share: key rings with their options, setters that announce.
#pragma once

#include "gste2eekeyprovider.h"
#include "keystore.h"

namespace e2ee {

/// Ids of the common properties; a provider's own start at kFirstOwn.
enum RingProperty : guint {
  kKeyringSize = 1,
  kKeySize,
  kKdf,
  kRatchetSalt,
  kRatchetWindow,
  kFailureTolerance,
  kExportable,
  kFirstOwn,
};

/// Adds the common properties; call from class_init.
void install_ring_properties(GObjectClass *klass, guint default_window);

/// The initial options; call from init.
KeyStore *new_key_store(guint default_window);

/// False when `id` is not one of the common properties.
bool set_ring_property(GObject *provider, KeyStore &store, guint id, const GValue *value);
bool get_ring_property(GObject *provider, const KeyStore &store, guint id, GValue *value);

/// One of the shipped providers at work. `participant` is null for the shared ring.
class RingProvider {
 public:
  RingProvider(gpointer provider, KeyStore &store, const char *participant)
      : provider_(GST_E2EE_KEY_PROVIDER(provider)),
        store_(store),
        participant_(participant),
        owner_(participant ? participant : "") {}

  // Each announces what it did, and returns when running elements have it.
  bool set(MaterialPtr material, GError **error);
  bool set_current(guint64 id, GError **error);
  bool ratchet(guint64 id, GError **error);
  bool remove(guint64 id, GError **error);
  bool remove_all(GError **error);
  // Whoever has nothing left is told as a whole.
  void remove_these(const std::set<std::uint64_t> &ids);

 private:
  void announce(guint64 id);

  GstE2EEKeyProvider *provider_;
  KeyStore &store_;
  const char *participant_;
  std::string owner_;
};

/// For the ratcheted vfunc.
void note_ratchet(GstE2EEKeyProvider *provider, KeyStore &store, const char *participant,
                  GstE2EEKeyMaterial *material);

}  // namespace e2ee
