// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_state.h"

#include <algorithm>

namespace recorder {
namespace {

constexpr KeyState kStates[] = {
    {"ok", nullptr, "frames are decrypted"},
    {"missing-key", "no key", "there is no key for the frames: has --key-provider one for them?"},
    {"decryption-failed", "wrong key?",
     "frames do not verify: is the key or passphrase the one that the sender has?"},
    {"key-ratcheted", nullptr, "the key has moved on by a step"},
    {"malformed", nullptr,
     "frames are not laid out like encrypted ones: does the sender encrypt, "
     "and with the same --scheme?"},
    {"replayed", nullptr, "frames came a second time and are left out"},
    {"unsupported", nullptr,
     "the scheme has no rule for some frames, as for H.264 without a slice: they are left out"},
    {"internal-error", nullptr,
     "the cipher failed, or memory ran out: start with GST_DEBUG=e2ee*:4 to see more"},
};

}  // namespace

const char *const kFramesOfServer = "plaintext";

const KeyState *key_state(const std::string &name) {
  const auto found =
      std::ranges::find_if(kStates, [&name](const KeyState &state) { return name == state.name; });
  return found == std::end(kStates) ? nullptr : &*found;
}

}  // namespace recorder
