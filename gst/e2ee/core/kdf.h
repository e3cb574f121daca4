/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Key derivation through OpenSSL's EVP_KDF. None of this belongs on a streaming thread: PBKDF2
// with 100,000 rounds takes tens of milliseconds.
#pragma once

#include "core/bytes.h"

namespace e2ee {

/// What all peers use.
inline constexpr unsigned kPbkdf2Rounds = 100000;

/// PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2). The salt may be empty, as LiveKit's may.
bool pbkdf2_sha256(ByteView password, ByteView salt, unsigned rounds, ByteSpan out);

enum class Hash : std::uint8_t { sha256, sha512 };

/// HKDF-SHA256 (RFC 5869), extract and expand.
bool hkdf_sha256(ByteView ikm, ByteView salt, ByteView info, ByteSpan out);

/// The extract half alone; `out` is as long as the hash.
bool hkdf_extract(Hash hash, ByteView ikm, ByteView salt, ByteSpan out);

/// The expand half alone; `prk` is a secret of full strength, never an empty one.
bool hkdf_expand(Hash hash, ByteView prk, ByteView info, ByteSpan out);

/// SHA-256 of `data`.
bool sha256(ByteView data, std::span<std::uint8_t, 32> out);

/// Called before each derivation with "pbkdf2" or "hkdf"; for tests that assert on which thread
/// keys are derived. Null, the default, switches it off.
using KdfHook = void (*)(const char *kdf);
void set_kdf_hook(KdfHook hook);

}  // namespace e2ee
