/* SPDX-License-Identifier: LGPL-2.1-or-later */
// AES-GCM of Intel's libipsec-mb, which is opened with the process's first cryptor.
//
// Its direct calls are used: one frame in, one frame out. They read the manager's function pointers
// and write nothing there, so that one manager serves all threads. They return nothing.
#include <dlfcn.h>
#include <immintrin.h>
#include <intel-ipsec-mb.h>
#include <openssl/evp.h>

#include <cstring>
#include <new>

#include "core/aead.h"
#include "core/secret.h"

namespace e2ee {

extern const AeadBackend kIpsecMbBackend;

namespace {

#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0)
#define E2EE_ABI "1"
#else
#define E2EE_ABI "2"
#endif
#define E2EE_IPSEC_MB "libIPSec_MB.so." E2EE_ABI

// AES and carry-less multiplication; a build that looks at its arguments and clears registers and
// stack behind it; and its own known-answer tests passed.
constexpr std::uint64_t kProcessor = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_AVX;
constexpr std::uint64_t kBuild = IMB_FEATURE_SAFE_PARAM | IMB_FEATURE_SAFE_DATA;
constexpr std::uint64_t kSelfTest = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;

struct Library {
  IMB_MGR *manager = nullptr;
  const char *why_not = nullptr;
};

Library unusable(const char *why_not) {
  return {nullptr, why_not};
}

// Never closed: a worker may still derive keys while the process ends.
Library load() {
  void *handle = dlopen(E2EE_IPSEC_MB, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return unusable(E2EE_IPSEC_MB " is not installed (Debian's package libipsec-mb" E2EE_ABI ")");
  const auto find = [handle]<typename Function>(Function *&function, const char *name) {
    function = reinterpret_cast<Function *>(dlsym(handle, name));
    return function != nullptr;
  };
  decltype(imb_get_version) *get_version;
  decltype(imb_get_errno) *get_errno;
  decltype(alloc_mb_mgr) *allocate;
  decltype(init_mb_mgr_auto) *init;
  if (!find(get_version, "imb_get_version") || !find(get_errno, "imb_get_errno") ||
      !find(allocate, "alloc_mb_mgr") || !find(init, "init_mb_mgr_auto"))
    return unusable(E2EE_IPSEC_MB " lacks functions: install it anew");
  // Later versions have longer keys under the same soname.
  if (get_version() >> 8 != IMB_VERSION_NUM >> 8)
    return unusable(E2EE_IPSEC_MB
                    " is another version than " IMB_VERSION_STR
                    ", which this was built with: build gst-e2ee again with its headers");
  IMB_MGR *manager = allocate(0);
  if (manager == nullptr)
    return unusable("there is no memory for it");
  init(manager, nullptr);
  if ((manager->features & kProcessor) != kProcessor)
    return unusable("the processor has no AES or AVX instructions");
  if ((manager->features & kBuild) != kBuild)
    return unusable(E2EE_IPSEC_MB " was built without SAFE_PARAM or SAFE_DATA: use Debian's");
  if ((manager->features & kSelfTest) != kSelfTest || get_errno(manager) != 0)
    return unusable(E2EE_IPSEC_MB " failed its self-test: install it anew");
  return {manager, nullptr};
}

const Library &library() {
  static const auto *const opened = new Library(load());
  return *opened;
}

// All that the library makes of a key and leaves behind of a frame.
struct Keyed {
  gcm_key_data key;
  gcm_context_data context;
  std::uint8_t tag[kTagSize];
};
static_assert(alignof(Keyed) <= 64, "Secret aligns to 64 bytes");

// Four at a time, which keeps the processor's AES units busy.
[[gnu::target("aes")]] void encrypt_four(const __m128i *round_keys, unsigned rounds,
                                         __m128i *blocks) {
  __m128i key = _mm_loadu_si128(round_keys);
  __m128i a = _mm_xor_si128(_mm_loadu_si128(blocks), key);
  __m128i b = _mm_xor_si128(_mm_loadu_si128(blocks + 1), key);
  __m128i c = _mm_xor_si128(_mm_loadu_si128(blocks + 2), key);
  __m128i d = _mm_xor_si128(_mm_loadu_si128(blocks + 3), key);
  for (unsigned round = 1; round < rounds; ++round) {
    key = _mm_loadu_si128(round_keys + round);
    a = _mm_aesenc_si128(a, key);
    b = _mm_aesenc_si128(b, key);
    c = _mm_aesenc_si128(c, key);
    d = _mm_aesenc_si128(d, key);
  }
  key = _mm_loadu_si128(round_keys + rounds);
  _mm_storeu_si128(blocks, _mm_aesenclast_si128(a, key));
  _mm_storeu_si128(blocks + 1, _mm_aesenclast_si128(b, key));
  _mm_storeu_si128(blocks + 2, _mm_aesenclast_si128(c, key));
  _mm_storeu_si128(blocks + 3, _mm_aesenclast_si128(d, key));
}

class IpsecMbAead final : public Aead {
 public:
  IpsecMbAead(Secret secret, aes_gcm_enc_dec_t crypt, unsigned rounds)
      : secret_(std::move(secret)), crypt_(crypt), rounds_(rounds) {}

  // The library has no call for this. The rounds here choose IVs and never protect a byte.
  bool encrypt_blocks(ByteSpan blocks) override {
    constexpr std::size_t kFour = 4 * kBlockSize;
    Keyed *keyed = this->keyed();
    if (keyed == nullptr || blocks.size() % kFour != 0)
      return false;
    const auto *round_keys = reinterpret_cast<const __m128i *>(keyed->key.expanded_keys);
    for (; !blocks.empty(); blocks = blocks.subspan(kFour))
      encrypt_four(round_keys, rounds_, reinterpret_cast<__m128i *>(blocks.data()));
    return true;
  }

 private:
  bool do_seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
               std::uint8_t *tag) override {
    const Keyed *keyed = crypt(iv, aad, in, out);
    if (keyed == nullptr)
      return false;
    std::memcpy(tag, keyed->tag, kTagSize);
    return true;
  }

  Reason do_open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                 const std::uint8_t *tag) override {
    const Keyed *keyed = crypt(iv, aad, in, out);
    if (keyed == nullptr)
      return Reason::internal;
    return equal_secret(keyed->tag, {tag, kTagSize}) ? Reason::ok : Reason::auth_failed;
  }

  // Null in a child forked after this was keyed, where the kernel has zeroed its memory: a schedule
  // of zeros encrypts as well as any.
  Keyed *keyed() {
    return secret_.view().empty() ? nullptr : reinterpret_cast<Keyed *>(secret_.span().data());
  }

  // Null when the library refused the call. It then leaves the tag as it was: a frame has this one
  // with a chance of 2^-128. Its error tells nothing more: that is one for the whole process, and
  // may be of a call of somebody else's.
  const Keyed *crypt(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out) {
    static constexpr std::uint8_t kNoTag[] = {'n', 'o', ' ', 't', 'a', 'g', ' ', 'w',
                                              'r', 'i', 't', 't', 'e', 'n', ' ', 0};
    static_assert(sizeof kNoTag == kTagSize);
    Keyed *keyed = this->keyed();
    if (keyed == nullptr)
      return nullptr;
    std::memcpy(keyed->tag, kNoTag, kTagSize);
    crypt_(&keyed->key, &keyed->context, out, in.data(), in.size(), iv.data(), aad.data(),
           aad.size(), keyed->tag, kTagSize);
    return equal_secret(keyed->tag, kNoTag) ? nullptr : keyed;
  }

  Secret secret_;
  aes_gcm_enc_dec_t crypt_;
  unsigned rounds_;
};

// This is no validated module.
const char *why_not() {
  if (EVP_default_properties_is_fips_enabled(nullptr) == 1)
    return "OpenSSL runs in FIPS mode, of which it is no part";
  return library().why_not;
}

// Of version 1.3 beside OpenSSL 3.0 on a processor with VAES, 80 to 500,000 bytes: 0.2 to 0.4 times
// the time with AVX-512, 0.2 to 0.95 with AVX2 alone. Older processors were not measured.
bool worthwhile() {
  return (library().manager->features & IMB_FEATURE_AVX2) != 0;
}

std::unique_ptr<Aead> create(ByteView key, Direction direction) {
  if ((key.size() != 16 && key.size() != 32) || why_not() != nullptr)
    return nullptr;
  const IMB_MGR &manager = *library().manager;
  const bool is128 = key.size() == 16;
  const bool seals = direction == Direction::seal;
  Secret secret(sizeof(Keyed));
  auto *keyed = new (secret.span().data()) Keyed{};
  (is128 ? manager.gcm128_pre : manager.gcm256_pre)(key.data(), &keyed->key);
  // An AES schedule begins with the key, unless the library refused the call.
  if (!equal_secret(key.first(16), ByteView(keyed->key.expanded_keys).first(16)))
    return nullptr;
  const aes_gcm_enc_dec_t crypt128 = seals ? manager.gcm128_enc : manager.gcm128_dec;
  const aes_gcm_enc_dec_t crypt256 = seals ? manager.gcm256_enc : manager.gcm256_dec;
  return std::make_unique<IpsecMbAead>(std::move(secret), is128 ? crypt128 : crypt256,
                                       is128 ? 10 : 14);
}

}  // namespace

const AeadBackend kIpsecMbBackend = {"ipsec-mb", why_not, worthwhile, create};

}  // namespace e2ee
