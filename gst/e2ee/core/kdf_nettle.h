/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bytes.h"

namespace e2ee {

/// PBKDF2-HMAC-SHA256 by libnettle, which takes half the time of OpenSSL's. False, with nothing
/// done, where the library is not installed or OpenSSL runs in FIPS mode.
bool nettle_pbkdf2_sha256(ByteView password, ByteView salt, unsigned rounds, ByteSpan out);

}  // namespace e2ee
