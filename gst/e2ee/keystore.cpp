/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keystore.h"

#include "errors.h"

namespace e2ee {

namespace {

// Tells whether a secret is set again, also after its key has been ratcheted and the secret
// forgotten.
ProcessHash origin_of(const GstE2EEKeyMaterial *material) {
  const Material &content = material_of(material);
  return process_hash(content.bytes.view(), content.passphrase ? Hashed::passphrase : Hashed::key);
}

}  // namespace

KeyStore::Options KeyStore::options() const {
  std::lock_guard lock(mutex_);
  return options_;
}

bool KeyStore::check_index(std::uint64_t id, GError **error) const {
  if (id < options_.ring_size)
    return true;
  return fail(error, GST_E2EE_ERROR_INVALID_INDEX,
              "key index %" G_GUINT64_FORMAT
              " is outside the key ring: use 0 to %u, or set keyring-size first",
              id, options_.ring_size - 1);
}

bool KeyStore::set(const std::string &owner, const GstE2EEKeyMaterial *material, GError **error) {
  std::lock_guard lock(mutex_);
  const std::uint64_t id = material_of(material).key_id;
  if (!check_index(id, error))
    return false;
  MaterialPtr filled = material_with_defaults(material, options_.defaults);
  const unsigned bits = material_of(filled.get()).key_bits;
  if (bits != 0 && bits != 128 && bits != 256)
    return fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                "a key size of %u bits does not exist: set key-size to 128 or 256", bits);
  Ring &ring = rings_[owner];
  ring.keys[id] = std::move(filled);
  ring.origins[id] = origin_of(material);
  if (!ring.current)
    ring.current = id;
  return true;
}

// Mutex held.
const MaterialPtr *KeyStore::find(const std::string &owner, std::uint64_t id) const {
  auto ring = rings_.find(owner);
  if (ring == rings_.end())
    return nullptr;
  auto key = ring->second.keys.find(id);
  return key == ring->second.keys.end() ? nullptr : &key->second;
}

bool KeyStore::check_key(const std::string &owner, std::uint64_t id, GError **error) const {
  std::lock_guard lock(mutex_);
  return has_key(owner, id, error);
}

// Mutex held.
bool KeyStore::has_key(const std::string &owner, std::uint64_t id, GError **error) const {
  if (!check_index(id, error))
    return false;
  if (find(owner, id) != nullptr)
    return true;
  return fail(error, GST_E2EE_ERROR_NOT_FOUND,
              "there is no key at index %" G_GUINT64_FORMAT "%s%s: set one first", id,
              owner.empty() ? "" : " of participant ", owner.c_str());
}

bool KeyStore::set_current(const std::string &owner, std::uint64_t id, GError **error) {
  std::lock_guard lock(mutex_);
  if (!has_key(owner, id, error))
    return false;
  rings_[owner].current = id;
  return true;
}

bool KeyStore::remove(const std::string &owner, std::uint64_t id, GError **error) {
  std::lock_guard lock(mutex_);
  if (!has_key(owner, id, error))
    return false;
  Ring &ring = rings_[owner];
  erase(ring, id);
  if (ring.keys.empty())
    rings_.erase(owner);
  return true;
}

bool KeyStore::erase(Ring &ring, std::uint64_t id) {
  if (ring.current == id)
    ring.current.reset();
  return ring.keys.erase(id) != 0;
}

KeyStore::Removed KeyStore::remove_these(const std::string &owner,
                                         const std::set<std::uint64_t> &ids) {
  std::lock_guard lock(mutex_);
  Removed removed;
  auto ring = rings_.find(owner);
  if (ring == rings_.end())
    return removed;
  for (std::uint64_t id : ids) {
    if (erase(ring->second, id))
      removed.ids.push_back(id);
  }
  removed.owner = !removed.ids.empty() && ring->second.keys.empty();
  if (removed.owner)
    rings_.erase(ring);
  return removed;
}

bool KeyStore::remove_owner(const std::string &owner, GError **error) {
  std::lock_guard lock(mutex_);
  if (rings_.erase(owner) != 0)
    return true;
  return fail(error, GST_E2EE_ERROR_NOT_FOUND, "there is no participant %s to remove",
              owner.c_str());
}

MaterialPtr KeyStore::lookup(const std::string &owner, std::uint64_t id) const {
  std::lock_guard lock(mutex_);
  const MaterialPtr *found = find(owner, id);
  return found ? material_ref(found->get()) : nullptr;
}

MaterialPtr KeyStore::lookup_current(const std::string &owner) const {
  std::lock_guard lock(mutex_);
  auto ring = rings_.find(owner);
  if (ring == rings_.end() || !ring->second.current)
    return nullptr;
  const MaterialPtr *found = find(owner, *ring->second.current);
  return found ? material_ref(found->get()) : nullptr;
}

std::vector<std::string> KeyStore::owners() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto &[owner, ring] : rings_) {
    if (!ring.keys.empty())
      found.push_back(owner);
  }
  return found;
}

bool KeyStore::is_set_from(const std::string &owner, const GstE2EEKeyMaterial *material) const {
  std::lock_guard lock(mutex_);
  auto ring = rings_.find(owner);
  const std::uint64_t id = material_of(material).key_id;
  if (ring == rings_.end() || ring->second.keys.count(id) == 0)
    return false;
  auto origin = ring->second.origins.find(id);
  return origin != ring->second.origins.end() && origin->second == origin_of(material);
}

MaterialPtr KeyStore::export_material(const std::string &owner, std::uint64_t id,
                                      GError **error) const {
  std::lock_guard lock(mutex_);
  if (!has_key(owner, id, error))
    return nullptr;
  const MaterialPtr *found = find(owner, id);
  if (!material_of(found->get()).exportable) {
    fail(error, GST_E2EE_ERROR_INVALID_OPTION,
         "this key cannot be handed on: set exportable before the key, on each provider that it "
         "comes through");
    return nullptr;
  }
  if (material_of(found->get()).steps != 0) {
    fail(error, GST_E2EE_ERROR_INVALID_OPTION,
         "this key was ratcheted where no single scheme uses it, so that there is no material of "
         "its generation");
    return nullptr;
  }
  return material_ref(found->get());
}

std::uint64_t KeyStore::step(const std::string &owner, std::uint64_t id) {
  std::lock_guard lock(mutex_);
  const MaterialPtr *found = find(owner, id);
  if (found == nullptr)
    return 0;
  Material stepped = material_of(found->get()).clone();
  ++stepped.steps;
  const std::uint64_t generation = stepped.generation + stepped.steps;
  MaterialPtr made = material_new(std::move(stepped));
  material_freeze(made.get());
  rings_[owner].keys[id] = std::move(made);
  return generation;
}

void KeyStore::advance(const std::string &owner, GstE2EEKeyMaterial *material, bool keep_base) {
  std::lock_guard lock(mutex_);
  const Material &reached = material_of(material);
  const MaterialPtr *found = find(owner, reached.key_id);
  if (found == nullptr)
    return;
  const Material &held = material_of(found->get());
  const std::uint64_t generation = reached.generation + reached.steps;
  if (held.lineage != reached.lineage || held.generation + held.steps >= generation)
    return;  // set anew meanwhile, or known
  MaterialPtr next;
  if (keep_base) {
    Material stepped = held.clone();
    stepped.steps = generation - held.generation;
    next = material_new(std::move(stepped));
    material_freeze(next.get());
  } else {
    next = material_ref(material);
  }
  rings_[owner].keys[reached.key_id] = std::move(next);
}

}  // namespace e2ee
