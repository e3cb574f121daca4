/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/key.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "core/kdf.h"
#include "core/scheme.h"
#include "core/sframe.h"

namespace e2ee {

namespace {

using KeyHash = std::array<std::uint8_t, 32>;

// Counters outlive their keys, or removing and setting a key again would start over. Beyond this
// many, the least used one that no key holds is forgotten.
constexpr std::size_t kMaxRetiredUsages = 4096;

void append_be(std::vector<std::uint8_t> &to, std::uint64_t value) {
  std::uint8_t bytes[8];
  store_be64(bytes, value);
  to.insert(to.end(), bytes, bytes + 8);
}

void append_text(std::vector<std::uint8_t> &to, std::string_view text) {
  append_be(to, text.size());
  to.insert(to.end(), text.begin(), text.end());
}

// 80 bits that two people can compare: HKDF-Expand of the derived key under a label of its own, so
// that it tells nothing of the key or of any ciphertext.
std::string fingerprint_of(const Scheme &scheme, const Key &key, std::string_view identity) {
  std::vector<std::uint8_t> info;
  append_text(info, "gst-e2ee key fingerprint 1");
  append_text(info, scheme.name);
  if (scheme.suite != nullptr)
    append_be(info, scheme.suite->id);
  append_be(info, key.secret.view().size() * 8);
  append_be(info, key.id);
  append_be(info, key.generation);
  append_text(info, identity);
  std::array<std::uint8_t, 10> bits{};
  if (!hkdf_expand(Hash::sha256, key.secret.view(), info, bits))
    return {};
  static const char kHex[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (i != 0 && i % 2 == 0)
      text += '-';
    text += kHex[bits[i] >> 4];
    text += kHex[bits[i] & 15];
  }
  return text;
}

std::shared_ptr<Key> make_key(const DeriveRequest &request, std::uint64_t generation,
                              std::string_view identity) {
  const Scheme &scheme = request.scheme;
  auto key = std::make_shared<Key>();
  if (request.bytes.empty() || !scheme.why_refused(request.material).empty() ||
      !scheme.derive(request, *key))
    return nullptr;
  key->id = request.material.key_id;
  key->generation = generation;
  if (scheme.per_ssrc)
    key->stream_steps = generation - request.material.generation;
  key->fingerprint = fingerprint_of(scheme, *key, identity);
  key->usage = usage_of(key->secret.view());
  return key->fingerprint.empty() || !key->usage ? nullptr : key;
}

}  // namespace

Material Material::clone() const {
  Material copy;
  copy.bytes = bytes.clone();
  copy.passphrase = passphrase;
  copy.kdf = kdf;
  copy.salt = salt;
  copy.key_bits = key_bits;
  copy.key_id = key_id;
  copy.generation = generation;
  copy.steps = steps;
  copy.lineage = lineage;
  copy.scheme = scheme;
  copy.ratchet_window = ratchet_window;
  copy.exportable = exportable;
  return copy;
}

std::shared_ptr<KeyUsage> usage_of(ByteView key) {
  static std::mutex mutex;
  static auto *const table = new std::map<KeyHash, std::shared_ptr<KeyUsage>>;
  KeyHash hash;
  if (!sha256(key, hash))
    return nullptr;
  std::lock_guard lock(mutex);
  auto [at, is_new] = table->try_emplace(hash);
  if (!is_new)
    return at->second;
  at->second = std::make_shared<KeyUsage>();
  std::shared_ptr<KeyUsage> usage = at->second;
  if (table->size() > kMaxRetiredUsages) {
    auto least = table->end();
    for (auto it = table->begin(); it != table->end(); ++it) {
      if (it->second.use_count() == 1 &&
          (least == table->end() || it->second->frames() < least->second->frames()))
        least = it;
    }
    if (least != table->end())
      table->erase(least);
  }
  return usage;
}

KeyRef derive_key(const Scheme &scheme, const Material &material, std::string_view identity) {
  KeyRef key = make_key({scheme, material, material.bytes.view(), material.scheme != nullptr},
                        material.generation, identity);
  for (std::uint64_t step = 0; key && step < material.steps; ++step)
    key = ratchet_key(scheme, material, *key, identity);
  return key;
}

KeyRef ratchet_key(const Scheme &scheme, const Material &material, const Key &from,
                   std::string_view identity) {
  auto key = make_key({scheme, material, from.next.view(), true}, from.generation + 1, identity);
  if (key)
    key->own = from.next.clone();
  return key;
}

const KeySlot *KeyRing::find(std::uint64_t id) const noexcept {
  auto at = std::lower_bound(slots.begin(), slots.end(), id,
                             [](const KeySlot &slot, std::uint64_t v) { return slot.id < v; });
  return at != slots.end() && at->id == id ? &*at : nullptr;
}

bool KeyRing::holds(const Key &key) const noexcept {
  if (current.get() == &key)
    return true;
  const KeySlot *slot = find(key.id);
  if (slot == nullptr)
    return false;
  const auto is_key = [&](const KeyRef &held) { return held.get() == &key; };
  return std::any_of(slot->keys.begin(), slot->keys.end(), is_key) ||
         std::any_of(slot->ahead.begin(), slot->ahead.end(), is_key);
}

KeySlot &KeyRing::slot(std::uint64_t id) {
  auto at = std::lower_bound(slots.begin(), slots.end(), id,
                             [](const KeySlot &slot, std::uint64_t v) { return slot.id < v; });
  if (at == slots.end() || at->id != id)
    at = slots.insert(at, KeySlot{id, {}, {}});
  return *at;
}

void KeyRing::erase(std::uint64_t id) {
  slots.erase(std::remove_if(slots.begin(), slots.end(),
                             [id](const KeySlot &slot) { return slot.id == id; }),
              slots.end());
}

}  // namespace e2ee
