/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <array>

#include "core/bytes.h"

namespace e2ee {

/// Tells secrets apart without keeping them. Made with a random key of this process, since a plain
/// hash of a passphrase would let it be guessed.
using ProcessHash = std::array<std::uint8_t, 32>;

enum class Hashed : std::uint8_t { key, passphrase, file };

ProcessHash process_hash(ByteView secret, Hashed what);

}  // namespace e2ee
