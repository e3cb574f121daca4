/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Jitsi's frame encryption ("JFrame") as lib-jitsi-meet writes and reads it.
#include "core/kdf.h"
#include "core/trailer.h"

namespace e2ee {

extern const Scheme kJitsi;

namespace {

constexpr ClearRule kClearRules[] = {
    {CodecId::vp8, 10, 3},
    {CodecId::vp9, 10, 3, true},
    {CodecId::opus, 1, 1},
};

constexpr std::string_view kKeySalt = "JFrameEncryptionKey";
constexpr std::string_view kRatchetSalt = "JFrameRatchetKey";
constexpr std::size_t kKeySize = 16;
constexpr std::size_t kMaterialSize = 32;

const char *refuses(const Material &material) {
  if (material.kdf == Kdf::pbkdf2)
    return "it knows HKDF only; leave kdf as it is";
  if (material.kdf == Kdf::automatic && material.passphrase)
    return "its keys are made by HKDF from random bytes, not from a passphrase; use key-file, or "
           "key= in a keys file";
  return nullptr;
}

// Key and next material have salts of their own: a frame key tells nothing of what follows. A salt
// of the material takes the place of the key's.
bool derive(const DeriveRequest &request, Key &key) {
  const auto &salt = request.material.salt;
  key.secret = Secret(kKeySize);
  key.next = Secret(kMaterialSize);
  return hkdf_sha256(request.bytes, bytes_of(salt ? std::string_view(*salt) : kKeySalt), {},
                     key.secret.span()) &&
         hkdf_sha256(request.bytes, bytes_of(kRatchetSalt), {}, key.next.span());
}

}  // namespace

const Scheme kJitsi = {
    .name = "jitsi",
    .description = "Jitsi Meet's frame encryption",
    .clear_rules = kClearRules,
    .carries = "use VP8, VP9 or Opus",
    .overhead = kTrailerOverhead,
    .max_key_id = 15,
    .ring_size = 16,
    .key_bits = 128,
    .refuses = refuses,
    .derive = derive,
};

}  // namespace e2ee
