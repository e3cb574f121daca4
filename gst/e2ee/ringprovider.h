/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What the shipped providers are: rings of keys with their options, and setters that announce. The
// two public classes are names for it.
#pragma once

#include "filekeys.h"
#include "gste2eekeyprovider.h"
#include "keystore.h"

namespace e2ee {

/// How the two classes differ.
struct RingKind {
  bool shared;           // one ring for everyone, or else one for each participant
  guint default_window;  // of ratchet-window
};

class RingProvider {
 public:
  RingProvider(GstE2EEKeyProvider *provider, const RingKind &kind);

  // `participant` is null for the shared ring; participants need an identity. Each announces what
  // it did, and returns when running elements have it.
  bool set(const char *participant, MaterialPtr material, GError **error);
  /// `done` goes when running elements have it, after listeners were told on a worker.
  bool set_later(const char *participant, MaterialPtr material, const Done &done, GError **error);
  bool set_current_later(const char *participant, guint64 id, const Done &done, GError **error);
  /// Not in the provider's own queue, where nothing could be looked up meanwhile.
  void wait(const Completion &completion);
  bool set_current(const char *participant, guint64 id, GError **error);
  bool ratchet(const char *participant, guint64 id, GError **error);
  bool remove(const char *participant, guint64 id, GError **error);
  bool remove_all(const char *participant, GError **error);
  /// Whoever has nothing left is told as a whole.
  void remove_these(const char *participant, const std::set<std::uint64_t> &ids);

  GstE2EEKeyMaterial *export_material(const char *participant, guint64 id, GError **error) const;

  KeyStore &store() { return store_; }
  /// Keeps this while work goes on elsewhere.
  std::shared_ptr<GstE2EEKeyProvider> ref() const;
  FileKeys &file_keys() { return file_keys_; }
  void add_notice(std::string text);
  void notify_keys_file();

  // GObject's.
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // The vfuncs of the interface.
  GstE2EEKeyMaterial *lookup_current(const char *participant) const;
  GstE2EEKeyMaterial *lookup(const char *participant, guint64 id) const;
  void ratcheted(const char *participant, GstE2EEKeyMaterial *material);

 private:
  bool check_owner(const char *participant, GError **error) const;
  void withdraw(const char *participant, guint64 id);
  bool put(const char *participant, const MaterialPtr &material, GError **error);
  void announce(const char *participant, guint64 id);
  void announce_later(const char *participant, guint64 id, const Done &done);

  GstE2EEKeyProvider *const provider_;
  const bool shared_;
  KeyStore store_;
  FileKeys file_keys_{*this};
};

/// An instance of either class.
struct RingObject {
  GObject parent;
  RingProvider *ring;
};

inline RingProvider &ring_of(gpointer object) {
  return *static_cast<RingObject *>(object)->ring;
}

// For G_DEFINE_TYPE of both.
void ring_class_init(GObjectClass *klass, const RingKind &kind);
void ring_iface_init(GstE2EEKeyProviderInterface *iface);

}  // namespace e2ee
