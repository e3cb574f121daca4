/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/reason.h"

namespace e2ee {

namespace {
constexpr std::array<ReasonNames, kReasonCount> kNames = {{
    {nullptr, "ok", "ok"},
    {"dropped-missing-key", "missing-key", "no key for this frame"},
    {"dropped-auth", "decryption-failed", "the tag does not verify"},
    {"dropped-malformed", "malformed", "not an encrypted frame of this scheme"},
    {"dropped-replayed", "replayed", "its IV was accepted before"},
    {"dropped-plaintext", "plaintext", "in the clear although this participant encrypts"},
    {"dropped-unsupported", "unsupported", "the scheme has no rule for this frame"},
    {"dropped-limit", "key-limit", "the key has been used as often as AES-GCM allows"},
    {"dropped-held", "missing-key", "its key did not come within key-wait"},
    {"dropped-internal", "internal-error", "cipher or random generator failed"},
}};
}  // namespace

const ReasonNames &names_of(Reason reason) {
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace e2ee
