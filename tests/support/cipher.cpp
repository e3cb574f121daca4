/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/cipher.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <memory>

namespace e2ee::test {

namespace {

struct CipherFree {
  void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

}  // namespace

Parts split(const Bytes &frame, std::size_t clear) {
  const auto at = [&](std::size_t n) { return frame.begin() + static_cast<std::ptrdiff_t>(n); };
  const std::size_t iv = frame.size() - kIv - 2;
  return {Bytes(at(0), at(clear)), Bytes(at(clear), at(iv)), Bytes(at(iv), at(iv + kIv))};
}

std::optional<Bytes> aes_gcm(bool encrypt, const Bytes &key, const Parts &parts) {
  const Cipher context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX *const c = context.get();
  const std::size_t size = parts.body.size() - (encrypt ? 0 : kTag);
  Bytes out(size + kTag);
  int length = 0;
  int rest = 0;
  bool ok =
      EVP_CipherInit_ex(c, key.size() == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), nullptr,
                        key.data(), parts.iv.data(), encrypt) == 1 &&
      EVP_CipherUpdate(c, nullptr, &length, parts.clear.data(),
                       static_cast<int>(parts.clear.size())) == 1 &&
      EVP_CipherUpdate(c, out.data(), &length, parts.body.data(), static_cast<int>(size)) == 1;
  if (ok && !encrypt) {
    Bytes tag(parts.body.end() - kTag, parts.body.end());
    ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1;
  }
  ok = ok && EVP_CipherFinal_ex(c, out.data() + length, &rest) == 1;
  if (ok && encrypt)
    ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, kTag, out.data() + size) == 1;
  out.resize(size + (encrypt ? kTag : 0));
  return ok ? std::optional(out) : std::nullopt;
}

std::optional<Bytes> opened_by_hand(const Bytes &key, const Bytes &frame, std::size_t clear) {
  const Parts parts = split(frame, clear);
  const std::optional<Bytes> body = aes_gcm(false, key, parts);
  return body ? std::optional(join({parts.clear, *body})) : std::nullopt;
}

Bytes aes_ctr_hmac(const Bytes &key, const Parts &parts, std::size_t tag_size) {
  const bool is_wide = key.size() == 96;
  const std::ptrdiff_t cipher_key = is_wide ? 32 : 16;
  Bytes block = parts.iv;
  block.resize(16);
  Bytes out(parts.body.size());
  int length = 0;
  const Cipher context(EVP_CIPHER_CTX_new());
  EXPECT_EQ(EVP_EncryptInit_ex(context.get(), is_wide ? EVP_aes_256_ctr() : EVP_aes_128_ctr(),
                               nullptr, key.data(), block.data()),
            1);
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), out.data(), &length, parts.body.data(),
                              static_cast<int>(parts.body.size())),
            1);
  const Bytes signed_part = join({big_endian(parts.clear.size(), 8), big_endian(out.size(), 8),
                                  big_endian(tag_size, 8), parts.iv, parts.clear, out});
  Bytes tag(EVP_MAX_MD_SIZE);
  const Bytes mac_key(key.begin() + cipher_key, key.end());
  EXPECT_NE(
      HMAC(is_wide ? EVP_sha512() : EVP_sha256(), mac_key.data(), static_cast<int>(mac_key.size()),
           signed_part.data(), signed_part.size(), tag.data(), nullptr),
      nullptr);
  tag.resize(tag_size);
  return join({out, tag});
}

Bytes sealed_by_hand(const Bytes &key, unsigned key_id, const Bytes &plain, std::size_t clear) {
  static unsigned seed = 0;
  return sealed_by_hand(key, key_id, plain, clear, noise(kIv, ++seed));
}

Bytes sealed_by_hand(const Bytes &key, unsigned key_id, const Bytes &plain, std::size_t clear,
                     const Bytes &iv) {
  const auto body = plain.begin() + static_cast<std::ptrdiff_t>(clear);
  const Parts parts{Bytes(plain.begin(), body), Bytes(body, plain.end()), iv};
  const std::optional<Bytes> sealed = aes_gcm(true, key, parts);
  EXPECT_TRUE(sealed);
  return join({parts.clear,
               sealed.value_or(Bytes{}),
               parts.iv,
               {static_cast<std::uint8_t>(kIv), static_cast<std::uint8_t>(key_id)}});
}

Bytes hkdf(const Bytes &secret, const Bytes &salt, const Bytes &info, std::size_t size) {
  Bytes out(size);
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY_CTX *const c = context.get();
  EXPECT_TRUE(EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set1_hkdf_key(c, secret.data(), static_cast<int>(secret.size())) == 1 &&
              (salt.empty() ||
               EVP_PKEY_CTX_set1_hkdf_salt(c, salt.data(), static_cast<int>(salt.size())) == 1) &&
              EVP_PKEY_CTX_add1_hkdf_info(c, info.data(), static_cast<int>(info.size())) == 1 &&
              EVP_PKEY_derive(c, out.data(), &size) == 1);
  return out;
}

}  // namespace e2ee::test
