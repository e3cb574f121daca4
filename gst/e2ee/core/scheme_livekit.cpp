/* SPDX-License-Identifier: LGPL-2.1-or-later */
// LiveKit's frame encryption as livekit-client 2.23 writes and reads it.
#include <algorithm>

#include "core/kdf.h"
#include "core/trailer.h"

namespace e2ee {

extern const Scheme kLivekit;

namespace {

constexpr ClearRule kClearRules[] = {
    {CodecId::vp8, 10, 3},
    {CodecId::vp9, 0, 0},
    {CodecId::opus, 1, 1},
    {CodecId::data, 0, 0},
};

constexpr std::string_view kSalt = "LKFrameEncryptionKey";
constexpr unsigned kPbkdf2Rounds = 100000;
constexpr std::size_t kMaterialSize = 32;

// The ratchet runs the same function on the material for 256 bits. Both PBKDF2 and HKDF give the
// shorter result as a prefix of the longer one, so that one run yields this generation's key and
// the next one's material. (It also means that a 256-bit key is the next material: whoever learns
// one reads all that follows.)
bool derive(const Material &material, ByteView bytes, Key &key) {
  const unsigned bits = material.key_bits == 0 ? 128 : material.key_bits;
  if (bits != 128 && bits != 256)
    return false;
  const bool pbkdf2 =
      material.kdf == Kdf::pbkdf2 || (material.kdf == Kdf::automatic && material.passphrase);
  const ByteView salt = bytes_of(material.salt ? std::string_view(*material.salt) : kSalt);
  static constexpr std::uint8_t kInfo[128] = {};
  key.next = Secret(kMaterialSize);
  const bool derived = pbkdf2 ? pbkdf2_sha256(bytes, salt, kPbkdf2Rounds, key.next.span())
                              : hkdf_sha256(bytes, salt, kInfo, key.next.span());
  if (!derived)
    return false;
  key.secret = Secret(key.next.view().first(bits / 8));
  return true;
}

}  // namespace

const Scheme kLivekit = {SchemeId::livekit, "livekit",    kClearRules,
                         kTrailerOverhead,  256,          derive,
                         trailer_seal,      trailer_open, has_trailer};

}  // namespace e2ee
