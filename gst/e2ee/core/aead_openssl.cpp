/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/aead.h"

namespace e2ee {

extern const AeadBackend kOpensslBackend;

namespace {

// OpenSSL compares this name with several others for each frame, and strcmp() is slow near the end
// of a page: 15 to 20 ns of a frame's 600 where the linker happened to put it there.
alignas(4096) constexpr char kTagName[] = OSSL_CIPHER_PARAM_AEAD_TAG;

struct EvpDelete {
  void operator()(EVP_CIPHER *cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX *ctx) const { EVP_CIPHER_CTX_free(ctx); }
};
using Cipher = std::unique_ptr<EVP_CIPHER, EvpDelete>;
using Context = std::unique_ptr<EVP_CIPHER_CTX, EvpDelete>;

// Fetching takes longer than sealing an audio frame: each cipher is fetched once in a process. They
// are never freed, since a worker may still derive keys while the process exits.
struct Ciphers {
  Cipher gcm128{EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)};
  Cipher gcm256{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
  Cipher ecb128{EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr)};
  Cipher ecb256{EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr)};
};

const Ciphers &ciphers() {
  static const auto *const all = new Ciphers;
  return *all;
}

Context keyed(const Cipher &cipher, ByteView key, bool seal) {
  Context ctx(EVP_CIPHER_CTX_new());
  if (!ctx || !cipher ||
      EVP_CipherInit_ex2(ctx.get(), cipher.get(), key.data(), nullptr, seal, nullptr) != 1)
    return nullptr;
  return ctx;
}

class OpensslAead final : public Aead {
 public:
  OpensslAead(Context gcm, Context ecb) : gcm_(std::move(gcm)), ecb_(std::move(ecb)) {}

  bool encrypt_blocks(ByteSpan blocks) override {
    int written = 0;
    return ecb_ &&
           EVP_EncryptUpdate(ecb_.get(), blocks.data(), &written, blocks.data(),
                             static_cast<int>(blocks.size())) == 1 &&
           static_cast<std::size_t>(written) == blocks.size();
  }

 private:
  bool do_seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
               std::uint8_t *tag) override {
    OSSL_PARAM params[] = {tag_param(tag), OSSL_PARAM_END};
    return crypt(iv, aad, in, out, nullptr) && finish() &&
           EVP_CIPHER_CTX_get_params(gcm_.get(), params) == 1;
  }

  Reason do_open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                 const std::uint8_t *tag) override {
    const OSSL_PARAM params[] = {tag_param(const_cast<std::uint8_t *>(tag)), OSSL_PARAM_END};
    if (!crypt(iv, aad, in, out, params))
      return Reason::internal;
    return finish() ? Reason::ok : Reason::auth_failed;
  }

  static OSSL_PARAM tag_param(std::uint8_t *tag) {
    return OSSL_PARAM_construct_octet_string(kTagName, tag, kTagSize);
  }

  // The tag that opening expects goes in with the IV: a call of its own would cost more.
  bool crypt(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out, const OSSL_PARAM *params) {
    int written = 0;
    if (EVP_CipherInit_ex2(gcm_.get(), nullptr, nullptr, iv.data(), -1, params) != 1)
      return false;
    if (!aad.empty() && EVP_CipherUpdate(gcm_.get(), nullptr, &written, aad.data(),
                                         static_cast<int>(aad.size())) != 1)
      return false;
    return in.empty() ||
           EVP_CipherUpdate(gcm_.get(), out, &written, in.data(), static_cast<int>(in.size())) == 1;
  }

  bool finish() {
    std::uint8_t none[kBlockSize];
    int written = 0;
    return EVP_CipherFinal_ex(gcm_.get(), none, &written) == 1;
  }

  Context gcm_;
  Context ecb_;  // sealing only
};

const char *why_not() {
  return ciphers().gcm128 && ciphers().gcm256
             ? nullptr
             : "OpenSSL has no AES-GCM: look at its configuration file";
}

bool worthwhile() {
  return true;
}

std::unique_ptr<Aead> create(ByteView key, Direction direction) {
  if (key.size() != 16 && key.size() != 32)
    return nullptr;
  const bool seal = direction == Direction::seal;
  const Ciphers &all = ciphers();
  Context gcm = keyed(key.size() == 16 ? all.gcm128 : all.gcm256, key, seal);
  if (!gcm)
    return nullptr;
  Context ecb = seal ? keyed(key.size() == 16 ? all.ecb128 : all.ecb256, key, true) : nullptr;
  if (seal && !ecb)
    return nullptr;
  // Not for GCM, which never pads: EVP would tell the cipher so again with each IV.
  if (ecb)
    EVP_CIPHER_CTX_set_padding(ecb.get(), 0);
  return std::make_unique<OpensslAead>(std::move(gcm), std::move(ecb));
}

}  // namespace

const AeadBackend kOpensslBackend = {"openssl", why_not, worthwhile, create};

}  // namespace e2ee
