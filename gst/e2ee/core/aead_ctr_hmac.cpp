/* SPDX-License-Identifier: LGPL-2.1-or-later */
// AES-CTR with HMAC, encrypt then MAC, as RFC 9605 section 4.5.1 puts them together: AES-128 with
// SHA-256, and AES-256 with SHA-512 (draft-barnes-sframe-iana-256).
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "core/aead.h"
#include "core/secret.h"

namespace e2ee {

namespace {

struct Pair {
  std::size_t cipher_key;
  std::size_t mac_key;  // as long as the whole MAC
  const char *cipher;
  const char *digest;
};
constexpr Pair kPairs[] = {{16, 32, "AES-128-CTR", "SHA256"}, {32, 64, "AES-256-CTR", "SHA512"}};
constexpr std::size_t kLongestMac = 64;

struct EvpDelete {
  void operator()(EVP_CIPHER_CTX *ctx) const { EVP_CIPHER_CTX_free(ctx); }
  void operator()(EVP_MAC_CTX *ctx) const { EVP_MAC_CTX_free(ctx); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, EvpDelete>;
using Mac = std::unique_ptr<EVP_MAC_CTX, EvpDelete>;

class CtrHmac final : public Aead {
 public:
  CtrHmac(Cipher cipher, Mac mac, std::size_t tag_size)
      : cipher_(std::move(cipher)), mac_(std::move(mac)), tag_size_(tag_size) {}

  bool encrypt_blocks(ByteSpan) override { return false; }

 private:
  bool do_seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
               std::uint8_t *tag) override {
    std::uint8_t mac[kLongestMac];
    if (!crypt(iv, in, out) || !authenticate(iv, aad, {out, in.size()}, mac))
      return false;
    std::copy_n(mac, tag_size_, tag);
    cleanse(mac);
    return true;
  }

  // Nothing is decrypted that has not verified.
  Reason do_open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                 const std::uint8_t *tag) override {
    std::uint8_t mac[kLongestMac];
    if (!authenticate(iv, aad, in, mac))
      return Reason::internal;
    if (!equal_secret({mac, tag_size_}, {tag, tag_size_}))
      return Reason::auth_failed;
    return crypt(iv, in, out) ? Reason::ok : Reason::internal;
  }

  bool crypt(const Iv &iv, ByteView in, std::uint8_t *out) {
    std::uint8_t counter[kBlockSize] = {};
    std::copy(iv.begin(), iv.end(), counter);
    int written = 0;
    return EVP_CipherInit_ex2(cipher_.get(), nullptr, nullptr, counter, -1, nullptr) == 1 &&
           (in.empty() || EVP_CipherUpdate(cipher_.get(), out, &written, in.data(),
                                           static_cast<int>(in.size())) == 1);
  }

  bool authenticate(const Iv &iv, ByteView aad, ByteView ciphertext, std::uint8_t *mac) {
    std::uint8_t lengths[24];
    store_be64(lengths, aad.size());
    store_be64(lengths + 8, ciphertext.size());
    store_be64(lengths + 16, tag_size_);
    std::size_t size = 0;
    return EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) == 1 && add(lengths) && add(iv) &&
           add(aad) && add(ciphertext) && EVP_MAC_final(mac_.get(), mac, &size, kLongestMac) == 1 &&
           size >= tag_size_;
  }

  bool add(ByteView bytes) {
    return bytes.empty() || EVP_MAC_update(mac_.get(), bytes.data(), bytes.size()) == 1;
  }

  Cipher cipher_;
  Mac mac_;
  std::size_t tag_size_;
};

}  // namespace

std::unique_ptr<Aead> make_ctr_hmac(ByteView key, Direction direction, std::size_t tag_size) {
  const auto *pair = std::find_if(std::begin(kPairs), std::end(kPairs), [&](const Pair &each) {
    return key.size() == each.cipher_key + each.mac_key;
  });
  if (pair == std::end(kPairs) || tag_size > pair->mac_key)
    return nullptr;
  // Fetched once and never freed, like the ciphers of aead_openssl.cpp.
  static EVP_CIPHER *const ciphers[] = {EVP_CIPHER_fetch(nullptr, kPairs[0].cipher, nullptr),
                                        EVP_CIPHER_fetch(nullptr, kPairs[1].cipher, nullptr)};
  static EVP_MAC *const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_CIPHER *const ctr = ciphers[pair - kPairs];
  if (ctr == nullptr || hmac == nullptr)
    return nullptr;
  Cipher cipher(EVP_CIPHER_CTX_new());
  Mac mac(EVP_MAC_CTX_new(hmac));
  // OpenSSL takes the name as non-const and only reads it.
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char *>(pair->digest), 0),
      OSSL_PARAM_END};
  const ByteView mac_key = key.subspan(pair->cipher_key);
  if (!cipher || !mac ||
      EVP_CipherInit_ex2(cipher.get(), ctr, key.data(), nullptr, direction == Direction::seal,
                         nullptr) != 1 ||
      EVP_MAC_init(mac.get(), mac_key.data(), mac_key.size(), params) != 1)
    return nullptr;
  return std::make_unique<CtrHmac>(std::move(cipher), std::move(mac), tag_size);
}

}  // namespace e2ee
