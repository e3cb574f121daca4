/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What becomes of an OpenSSL that fails, and when it is asked to decrypt: one of its functions is
// put in front of its own here.
#include <dlfcn.h>
#include <openssl/evp.h>

#include "helpers.h"

namespace {
bool g_update_fails = false;
unsigned g_updates = 0;
}  // namespace

extern "C" int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *written,
                                const unsigned char *in, int size) {
  static auto *const own =
      reinterpret_cast<decltype(EVP_CipherUpdate) *>(dlsym(RTLD_NEXT, "EVP_CipherUpdate"));
  ++g_updates;
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

// That the output is zeros afterwards does not show it: it would be wiped as well.
TEST(Openssl, CtrHmacDecryptsNothingBeforeItsTagVerifies) {
  for (const std::size_t tag_size : {10, 8, 4}) {
    SCOPED_TRACE(tag_size);
    const auto opener = make_ctr_hmac(noise(48), Direction::open, tag_size);
    const Bytes plain = noise(50, 2);
    Bytes memory = plain;
    Bytes tag(tag_size);
    ASSERT_TRUE(make_ctr_hmac(noise(48), Direction::seal, tag_size)
                    ->seal(Iv{}, {}, memory, memory.data(), tag.data()));
    const Bytes sealed = memory;
    tag.back() ^= 1;
    g_updates = 0;
    Bytes apart(plain.size());
    EXPECT_EQ(opener->open(Iv{}, {}, sealed, apart.data(), tag.data()), Reason::auth_failed);
    EXPECT_EQ(opener->open(Iv{}, {}, memory, memory.data(), tag.data(), OnMismatch::restore),
              Reason::auth_failed);
    EXPECT_EQ(g_updates, 0U);
    EXPECT_EQ(memory, sealed);
    tag.back() ^= 1;
    ASSERT_EQ(opener->open(Iv{}, {}, memory, memory.data(), tag.data()), Reason::ok);
    EXPECT_EQ(g_updates, 1U) << "nothing else decrypts";
    EXPECT_EQ(memory, plain);
  }
}

}  // namespace e2ee::test
