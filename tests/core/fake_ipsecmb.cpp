/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_ipsecmb.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <cstring>
#include <vector>

FakeIpsecMb fake_ipsec_mb;

namespace {

int g_errno = 0;

// Whether the call is to go on.
bool begin() {
  g_errno = fake_ipsec_mb.error;
  return !fake_ipsec_mb.refuses;
}

template <std::size_t kKeySize>
void prepare(const void *key, gcm_key_data *keyed) {
  if (begin())
    std::memcpy(keyed->expanded_keys, key, kKeySize);
}

template <std::size_t kKeySize>
void gcm(const gcm_key_data *key, const std::uint8_t *in, std::size_t size, const std::uint8_t *iv,
         const std::uint8_t *aad, std::size_t aad_size, std::uint8_t *out, std::uint8_t *tag) {
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
  int written = 0;
  EVP_EncryptInit_ex2(ctx, kKeySize == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(),
                      key->expanded_keys, iv, nullptr);
  EVP_EncryptUpdate(ctx, nullptr, &written, aad, static_cast<int>(aad_size));
  EVP_EncryptUpdate(ctx, out, &written, in, static_cast<int>(size));
  EVP_EncryptFinal_ex(ctx, out + written, &written);
  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
  EVP_CIPHER_CTX_free(ctx);
}

template <std::size_t kKeySize>
void encrypt(const gcm_key_data *key, gcm_context_data *, std::uint8_t *out, const std::uint8_t *in,
             std::uint64_t size, const std::uint8_t *iv, const std::uint8_t *aad,
             std::uint64_t aad_size, std::uint8_t *tag, std::uint64_t) {
  if (begin())
    gcm<kKeySize>(key, in, size, iv, aad, aad_size, out, tag);
}

// Counter mode decrypts as it encrypts; the tag is that of the ciphertext, which encrypting the
// plaintext gives.
template <std::size_t kKeySize>
void decrypt(const gcm_key_data *key, gcm_context_data *, std::uint8_t *out, const std::uint8_t *in,
             std::uint64_t size, const std::uint8_t *iv, const std::uint8_t *aad,
             std::uint64_t aad_size, std::uint8_t *tag, std::uint64_t) {
  if (!begin())
    return;
  std::vector<std::uint8_t> plain(size), again(size);
  std::uint8_t unused[16];
  gcm<kKeySize>(key, in, size, iv, aad, aad_size, plain.data(), unused);
  gcm<kKeySize>(key, plain.data(), size, iv, aad, aad_size, again.data(), tag);
  std::memcpy(out, plain.data(), size);
}

}  // namespace

extern "C" {

unsigned imb_get_version() {
  return fake_ipsec_mb.version;
}

int imb_get_errno(IMB_MGR *) {
  return g_errno;
}

IMB_MGR *alloc_mb_mgr(std::uint64_t) {
  return fake_ipsec_mb.has_memory ? static_cast<IMB_MGR *>(std::calloc(1, sizeof(IMB_MGR)))
                                  : nullptr;
}

void init_mb_mgr_auto(IMB_MGR *manager, IMB_ARCH *) {
  g_errno = fake_ipsec_mb.error_at_start;
  manager->features = fake_ipsec_mb.features;
  manager->gcm128_pre = prepare<16>;
  manager->gcm256_pre = prepare<32>;
  manager->gcm128_enc = encrypt<16>;
  manager->gcm256_enc = encrypt<32>;
  manager->gcm128_dec = decrypt<16>;
  manager->gcm256_dec = decrypt<32>;
}
}
