/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/processhash.h"

#include "core/kdf.h"
#include "core/random.h"
#include "core/secret.h"

namespace e2ee {

ProcessHash process_hash(ByteView secret, Hashed what) {
  static const Secret *const process_key = [] {
    auto *key = new Secret(32);
    random_bytes(key->span());
    return key;
  }();
  ProcessHash hash{};
  const auto kind = static_cast<std::uint8_t>(what);
  hkdf_sha256(secret, process_key->view(), {&kind, 1}, hash);
  return hash;
}

}  // namespace e2ee
