/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What becomes of an OpenSSL that fails: one of its functions is put in front of its own here.
#include <dlfcn.h>
#include <openssl/evp.h>

#include "helpers.h"

namespace {
bool g_update_fails = false;
}

extern "C" int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *written,
                                const unsigned char *in, int size) {
  static auto *const own =
      reinterpret_cast<decltype(EVP_CipherUpdate) *>(dlsym(RTLD_NEXT, "EVP_CipherUpdate"));
  return g_update_fails ? 0 : own(ctx, out, written, in, size);
}

namespace e2ee::test {

// Another thing than a tag that does not verify: that is the frame's fault.
TEST(Openssl, AFailedCallIsNoFrame) {
  const Bytes gcm_key = noise(16);
  const Bytes ctr_hmac_key = noise(48);
  const AeadBackend &openssl = aead_backends().back();
  for (const bool gcm : {true, false}) {
    const auto made = [&](Direction direction) {
      return gcm ? openssl.create(gcm_key, direction) : make_ctr_hmac(ctr_hmac_key, direction, 10);
    };
    const auto sealer = made(Direction::seal);
    const auto opener = made(Direction::open);
    const Bytes plain = noise(50, 2);
    Bytes memory = plain;
    Bytes tag(kTagSize);
    ASSERT_TRUE(sealer->seal(Iv{}, {}, memory, memory.data(), tag.data()));
    g_update_fails = true;
    Bytes other(plain.size());
    EXPECT_FALSE(sealer->seal(Iv{}, {}, plain, other.data(), tag.data()));
    EXPECT_EQ(opener->open(Iv{}, {}, memory, memory.data(), tag.data(), OnMismatch::restore),
              Reason::internal);
    g_update_fails = false;
    EXPECT_EQ(memory, Bytes(memory.size(), 0));
  }
}

}  // namespace e2ee::test
