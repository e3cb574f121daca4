/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/kdf.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <atomic>
#include <memory>

#include "core/kdf_nettle.h"

namespace e2ee {

namespace {

std::atomic<KdfHook> g_hook{nullptr};

void tell_hook(const char *kdf) {
  if (KdfHook hook = g_hook.load())
    hook(kdf);
}

// The fetched functions below are never freed: a worker may still derive while the process exits.
struct KdfDelete {
  void operator()(EVP_KDF_CTX *ctx) const { EVP_KDF_CTX_free(ctx); }
};

// OpenSSL takes parameters as non-const pointers and only reads them.
OSSL_PARAM octets(const char *name, ByteView bytes) {
  static std::uint8_t nothing = 0;  // a null pointer would mean "not given"
  void *data = bytes.empty() ? &nothing : const_cast<std::uint8_t *>(bytes.data());
  return OSSL_PARAM_construct_octet_string(name, data, bytes.size());
}

OSSL_PARAM digest(Hash hash) {
  static char sha256_name[] = "SHA256";
  static char sha512_name[] = "SHA512";
  char *name = hash == Hash::sha256 ? sha256_name : sha512_name;
  return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
}

bool derive(EVP_KDF *kdf, const OSSL_PARAM *params, ByteSpan out) {
  if (kdf == nullptr)
    return false;
  std::unique_ptr<EVP_KDF_CTX, KdfDelete> ctx(EVP_KDF_CTX_new(kdf));
  return ctx && EVP_KDF_derive(ctx.get(), out.data(), out.size(), params) == 1;
}

bool hkdf(int mode, Hash hash, ByteView ikm, ByteView salt, ByteView info, ByteSpan out) {
  static EVP_KDF *const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  tell_hook("hkdf");
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                               digest(hash),
                               octets(OSSL_KDF_PARAM_KEY, ikm),
                               octets(OSSL_KDF_PARAM_SALT, salt),
                               octets(OSSL_KDF_PARAM_INFO, info),
                               OSSL_PARAM_construct_end()};
  return derive(kdf, params, out);
}

}  // namespace

bool pbkdf2_sha256(ByteView password, ByteView salt, unsigned rounds, ByteSpan out) {
  static EVP_KDF *const kdf = EVP_KDF_fetch(nullptr, "PBKDF2", nullptr);
  tell_hook("pbkdf2");
#ifdef E2EE_HAS_NETTLE
  if (nettle_pbkdf2_sha256(password, salt, rounds, out))
    return true;
#endif
  int unchecked = 1;  // SP 800-132 wants 16 bytes of salt, peers may have none
  const OSSL_PARAM params[] = {octets(OSSL_KDF_PARAM_PASSWORD, password),
                               octets(OSSL_KDF_PARAM_SALT, salt),
                               OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &rounds),
                               OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked),
                               digest(Hash::sha256),
                               OSSL_PARAM_construct_end()};
  return derive(kdf, params, out);
}

bool hkdf_sha256(ByteView ikm, ByteView salt, ByteView info, ByteSpan out) {
  return hkdf(EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, Hash::sha256, ikm, salt, info, out);
}

bool hkdf_extract(Hash hash, ByteView ikm, ByteView salt, ByteSpan out) {
  return hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, hash, ikm, salt, {}, out);
}

bool hkdf_expand(Hash hash, ByteView prk, ByteView info, ByteSpan out) {
  return !prk.empty() && hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, hash, prk, {}, info, out);
}

bool sha256(ByteView data, std::span<std::uint8_t, 32> out) {
  return EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha256(), nullptr) == 1;
}

void set_kdf_hook(KdfHook hook) {
  g_hook = hook;
}

}  // namespace e2ee
