/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/chainedkeys.h"

#include "core/kdf.h"

namespace e2ee {

namespace {
constexpr std::size_t kMaterialSize = 32;
}

bool derive_chained(const DeriveRequest &request, std::string_view salt, Key &key) {
  const Material &material = request.material;
  const unsigned bits = material.key_bits == 0 ? 128 : material.key_bits;
  if (bits != 128 && bits != 256)
    return false;
  const bool pbkdf2 =
      material.kdf == Kdf::pbkdf2 || (material.kdf == Kdf::automatic && material.passphrase);
  const ByteView salted = bytes_of(material.salt ? std::string_view(*material.salt) : salt);
  static constexpr std::uint8_t kInfo[128] = {};
  key.next = Secret(kMaterialSize);
  const bool derived = pbkdf2 ? pbkdf2_sha256(request.bytes, salted, kPbkdf2Rounds, key.next.span())
                              : hkdf_sha256(request.bytes, salted, kInfo, key.next.span());
  if (!derived)
    return false;
  key.secret = Secret(key.next.view().first(bits / 8));
  return true;
}

}  // namespace e2ee
