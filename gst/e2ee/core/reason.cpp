/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/reason.h"

namespace e2ee {

namespace {
constexpr std::array<ReasonNames, kReasonCount> kNames = {{
    {nullptr, "ok", "ok"},
    {"dropped-missing-key", "missing-key",
     "the key is not there: set it, or wait until it is derived", true},
    {"dropped-auth", "decryption-failed",
     "the frame does not verify: the key is not the sender's, or it was changed on the way", true},
    {"dropped-malformed", "malformed",
     "the frame is not encrypted with this scheme, or is not a whole one"},
    {"dropped-replayed", "replayed",
     "the frame was accepted before, or the replay window has passed it", true},
    {"dropped-plaintext", "plaintext", "the frame is in the clear"},
    {"dropped-unsupported", "unsupported",
     "the scheme has no rule for such frames, or no caps came before them"},
    {"dropped-limit", "key-limit",
     "the key has been used as often as AES-GCM allows: set another one", true},
    {"dropped-held", "missing-key", "its key did not come within key-wait", true},
    {"dropped-internal", "internal-error",
     "the cipher failed, or there is no memory; GST_DEBUG=e2ee*:4 may tell more"},
    {"dropped-stream", "stream-in-use",
     "another stream of this process has this key, KID and SSRC: give each one an SSRC of its own",
     true},
}};
}  // namespace

const ReasonNames &names_of(Reason reason) {
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace e2ee
