/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/aead.h"

#include <climits>
#include <cstdlib>

#include "core/secret.h"

namespace e2ee {

extern const AeadBackend kOpensslBackend;
extern const AeadBackend kIpsecMbBackend;

namespace {

#ifndef E2EE_HAS_IPSEC_MB
constexpr AeadBackend kNoIpsecMb = {
    "ipsec-mb", [] { return "this build is without it: build with -Dipsec-mb=enabled"; },
    [] { return false; }, nullptr};
#endif

// What no back end need look at again. OpenSSL counts in int: none takes what another would refuse.
bool is_sound(ByteView aad, ByteView in, const std::uint8_t *out) {
  return in.size() <= INT_MAX && aad.size() <= INT_MAX && (aad.empty() || aad.data() != nullptr) &&
         (in.empty() || (in.data() != nullptr && out != nullptr));
}

}  // namespace

bool Aead::seal(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out, std::uint8_t *tag) {
  return is_sound(aad, in, out) && do_seal(iv, aad, in, out, tag);
}

Reason Aead::open(const Iv &iv, ByteView aad, ByteView in, std::uint8_t *out,
                  const std::uint8_t *tag, OnMismatch on_mismatch) {
  if (!is_sound(aad, in, out))
    return Reason::internal;
  const Reason reason = do_open(iv, aad, in, out, tag);
  if (reason == Reason::ok)
    return reason;
  if (on_mismatch == OnMismatch::restore && out == in.data() && reason == Reason::auth_failed &&
      do_open(iv, aad, in, out, tag) == Reason::auth_failed)
    return reason;
  cleanse({out, in.size()});
  return reason;
}

std::span<const AeadBackend> aead_backends() {
  static const AeadBackend table[] = {
#ifdef E2EE_HAS_IPSEC_MB
      kIpsecMbBackend,
#else
      kNoIpsecMb,
#endif
      kOpensslBackend};
  return table;
}

AeadChoice choose_aead(std::string_view asked) {
  AeadChoice choice;
  for (const AeadBackend &backend : aead_backends()) {
    if (asked != backend.name)
      continue;
    if (const char *why = backend.why_not())
      return {nullptr, "GST_E2EE_AEAD=" + std::string(asked) + " cannot be used: " + why +
                           "; or unset GST_E2EE_AEAD"};
    return {&backend, {}};
  }
  if (!asked.empty())
    return {nullptr, "GST_E2EE_AEAD=" + std::string(asked) +
                         " is not known: set it to openssl or ipsec-mb, or unset it"};
  for (const AeadBackend &backend : aead_backends()) {
    if (choice.backend == nullptr && backend.why_not() == nullptr && backend.worthwhile())
      choice.backend = &backend;
  }
  return choice;
}

AeadChoice aead_in_use() {
  static const auto *const asked = [] {
    const char *value = std::getenv("GST_E2EE_AEAD");
    return new std::string(value != nullptr ? value : "");
  }();
  return choose_aead(*asked);
}

std::unique_ptr<Aead> make_aead(ByteView key, Direction direction) {
  const AeadChoice choice = aead_in_use();
  return choice.backend != nullptr ? choice.backend->create(key, direction) : nullptr;
}

}  // namespace e2ee
