/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The rings of material that the shipped providers hold.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

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

  Options options() const;
  void set_options(const Options &options);

  /// Stores under the material's key id; the first key of a ring becomes current.
  bool set(const std::string &owner, const GstE2EEKeyMaterial *material, GError **error);
  bool set_current(const std::string &owner, std::uint64_t id, GError **error);
  bool remove(const std::string &owner, std::uint64_t id, GError **error);

  MaterialPtr lookup(const std::string &owner, std::uint64_t id) const;
  MaterialPtr lookup_current(const std::string &owner) const;

 private:
  struct Ring {
    std::map<std::uint64_t, MaterialPtr> keys;
    std::optional<std::uint64_t> current;
  };

  bool check_index(std::uint64_t id, GError **error) const;

  mutable std::mutex mutex_;
  Options options_;
  std::map<std::string, Ring> rings_;
};

}  // namespace e2ee
