/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keystore.h"

namespace e2ee {

KeyStore::Options KeyStore::options() const {
  std::lock_guard lock(mutex_);
  return options_;
}

void KeyStore::set_options(const Options &options) {
  std::lock_guard lock(mutex_);
  options_ = options;
}

bool KeyStore::check_index(std::uint64_t id, GError **error) const {
  if (id < options_.ring_size)
    return true;
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_INDEX,
              "key index %" G_GUINT64_FORMAT
              " is outside the key ring: use 0 to %u, or set keyring-size first",
              id, options_.ring_size - 1);
  return false;
}

bool KeyStore::set(const std::string &owner, const GstE2EEKeyMaterial *material, GError **error) {
  std::lock_guard lock(mutex_);
  const std::uint64_t id = material_of(material).key_id;
  if (!check_index(id, error))
    return false;
  MaterialPtr filled = material_with_defaults(material, options_.defaults);
  const unsigned bits = material_of(filled.get()).key_bits;
  if (bits != 0 && bits != 128 && bits != 256) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                "a key size of %u bits does not exist: set key-size to 128 or 256", bits);
    return false;
  }
  Ring &ring = rings_[owner];
  ring.keys[id] = std::move(filled);
  if (!ring.current)
    ring.current = id;
  return true;
}

bool KeyStore::set_current(const std::string &owner, std::uint64_t id, GError **error) {
  std::lock_guard lock(mutex_);
  if (!check_index(id, error))
    return false;
  auto ring = rings_.find(owner);
  if (ring == rings_.end() || ring->second.keys.count(id) == 0) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_NOT_FOUND,
                "there is no key at index %" G_GUINT64_FORMAT ": set it before making it current",
                id);
    return false;
  }
  ring->second.current = id;
  return true;
}

bool KeyStore::remove(const std::string &owner, std::uint64_t id, GError **error) {
  std::lock_guard lock(mutex_);
  auto ring = rings_.find(owner);
  if (ring == rings_.end() || ring->second.keys.erase(id) == 0) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_NOT_FOUND,
                "there is no key at index %" G_GUINT64_FORMAT " to remove", id);
    return false;
  }
  if (ring->second.current == id)
    ring->second.current.reset();
  return true;
}

MaterialPtr KeyStore::lookup(const std::string &owner, std::uint64_t id) const {
  std::lock_guard lock(mutex_);
  auto ring = rings_.find(owner);
  if (ring == rings_.end())
    return nullptr;
  auto key = ring->second.keys.find(id);
  return key == ring->second.keys.end() ? nullptr : material_ref(key->second.get());
}

MaterialPtr KeyStore::lookup_current(const std::string &owner) const {
  std::lock_guard lock(mutex_);
  auto ring = rings_.find(owner);
  if (ring == rings_.end() || !ring->second.current)
    return nullptr;
  return material_ref(ring->second.keys.at(*ring->second.current).get());
}

}  // namespace e2ee
