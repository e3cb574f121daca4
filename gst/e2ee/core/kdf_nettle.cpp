/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/kdf_nettle.h"

#include <dlfcn.h>
#include <nettle/pbkdf2.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/secret.h"

namespace e2ee {

namespace {

using Pbkdf2 = decltype(nettle_pbkdf2_hmac_sha256);

// Of the interface in the header that this was built with.
constexpr const char *kLibrary = "libnettle.so.8";

// RFC 7914 section 11: PBKDF2-HMAC-SHA-256 (P="passwd", S="salt", c=1), the first half.
constexpr std::array<std::uint8_t, 32> kKnown = {
    0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05,
    0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc};

// Hash states and blocks of the function are on the stack: a key could be found there later.
[[gnu::noinline]] void wipe_stack() {
  std::array<std::uint8_t, 8192> below;
  cleanse(below);
}

// Never closed: a worker may still derive while the process ends.
Pbkdf2 *load() {
  void *library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return nullptr;
  auto *function = reinterpret_cast<Pbkdf2 *>(dlsym(library, "nettle_pbkdf2_hmac_sha256"));
  if (function == nullptr)
    return nullptr;
  std::array<std::uint8_t, kKnown.size()> out{};
  const ByteView password = bytes_of("passwd");
  const ByteView salt = bytes_of("salt");
  function(password.size(), password.data(), 1, salt.size(), salt.data(), out.size(), out.data());
  return out == kKnown ? function : nullptr;
}

}  // namespace

bool nettle_pbkdf2_sha256(ByteView password, ByteView salt, unsigned rounds, ByteSpan out) {
  static Pbkdf2 *const function = load();
  if (function == nullptr || EVP_default_properties_is_fips_enabled(nullptr) == 1)
    return false;
  function(password.size(), password.data(), rounds, salt.size(), salt.data(), out.size(),
           out.data());
  wipe_stack();
  return true;
}

}  // namespace e2ee
