/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The rings of material that the shipped providers hold.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/processhash.h"
#include "material-private.h"

namespace e2ee {

/// Rings by owner; the empty owner is the shared ring. Thread-safe. Setting says nothing to anyone:
/// the provider announces.
class KeyStore {
 public:
  struct Options {
    unsigned ring_size = 16;
    MaterialDefaults defaults;
  };

  explicit KeyStore(const Options &options) : options_(options) {}

  Options options() const;
  /// In one step: threads that set different ones do not undo each other's.
  template <typename Change>
  void change_options(const Change &change) {
    std::lock_guard lock(mutex_);
    change(options_);
  }

  /// Stores under the material's key id; the first key of a ring becomes current.
  bool set(const std::string &owner, const GstE2EEKeyMaterial *material, GError **error);
  bool set_current(const std::string &owner, std::uint64_t id, GError **error);
  bool remove(const std::string &owner, std::uint64_t id, GError **error);
  /// All keys of an owner.
  bool remove_owner(const std::string &owner, GError **error);
  struct Removed {
    std::vector<std::uint64_t> ids;  // those that were there
    bool owner = false;              // nothing is left, and the owner is gone as well
  };
  Removed remove_these(const std::string &owner, const std::set<std::uint64_t> &ids);

  MaterialPtr lookup(const std::string &owner, std::uint64_t id) const;
  MaterialPtr lookup_current(const std::string &owner) const;
  bool check_key(const std::string &owner, std::uint64_t id, GError **error) const;

  /// Those that have a key, sorted.
  std::vector<std::string> owners() const;

  /// Whether the key at this place was set from the same secret.
  bool is_set_from(const std::string &owner, const GstE2EEKeyMaterial *material) const;

  /// For handing on: only what is exportable, and can be used elsewhere.
  MaterialPtr export_material(const std::string &owner, std::uint64_t id, GError **error) const;

  /// One ratchet step with a key that nobody has derived; its new generation.
  std::uint64_t step(const std::string &owner, std::uint64_t id);

  /// A later generation was reached. `material` takes the place of what led to it, so that the old
  /// one can no more be found here; with `keep_base`, when elements use the key under several
  /// schemes whose ratchets differ, only the steps are noted.
  void advance(const std::string &owner, GstE2EEKeyMaterial *material, bool keep_base);

 private:
  struct Ring {
    std::map<std::uint64_t, MaterialPtr> keys;
    std::map<std::uint64_t, ProcessHash> origins;  // of what was set
    std::optional<std::uint64_t> current;
  };

  static bool erase(Ring &ring, std::uint64_t id);
  bool check_index(std::uint64_t id, GError **error) const;
  bool has_key(const std::string &owner, std::uint64_t id, GError **error) const;
  const MaterialPtr *find(const std::string &owner, std::uint64_t id) const;

  mutable std::mutex mutex_;
  Options options_;
  std::map<std::string, Ring> rings_;
};

}  // namespace e2ee
