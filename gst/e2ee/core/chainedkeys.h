/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The key schedule that LiveKit and RealtimeKit share.
#pragma once

#include "core/scheme.h"

namespace e2ee {

/// PBKDF2 or HKDF, as the material says, under its salt or `salt`. The ratchet runs the same
/// function on the material for 256 bits. Both functions give the shorter result as a prefix of the
/// longer one, so that one run yields this generation's key and the next one's material. (It also
/// means that a 256-bit key is the next material: whoever learns one reads all that follows.)
bool derive_chained(const DeriveRequest &request, std::string_view salt, Key &key);

}  // namespace e2ee
