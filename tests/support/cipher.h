/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Encrypted frames made and read with OpenSSL alone, to hold the library against.
#pragma once

#include <optional>

#include "support/bytes.h"

namespace e2ee::test {

constexpr std::size_t kTag = 16;
constexpr std::size_t kIv = 12;

struct Parts {
  Bytes clear, body, iv;
};

/// A frame of the trailer schemes: the clear bytes, what is behind them up to the IV, and the IV.
Parts split(const Bytes &frame, std::size_t clear);

/// The whole of such a frame, opened; none when the tag does not verify.
std::optional<Bytes> opened_by_hand(const Bytes &key, const Bytes &frame, std::size_t clear);

/// Both ways; `body` is plaintext, or ciphertext and tag. None when the tag does not verify.
std::optional<Bytes> aes_gcm(bool encrypt, const Bytes &key, const Parts &parts);

/// The same as SFrame's suites 1 to 3 and 6 to 8 have it, one way; `key` is that of the cipher and
/// that of the hash, the tag is of `tag_size` bytes.
Bytes aes_ctr_hmac(const Bytes &key, const Parts &parts, std::size_t tag_size);

/// A frame of the trailer schemes as a peer makes it. The first `clear` bytes stay as they are.
Bytes sealed_by_hand(const Bytes &key, unsigned key_id, const Bytes &plain, std::size_t clear);
Bytes sealed_by_hand(const Bytes &key, unsigned key_id, const Bytes &plain, std::size_t clear,
                     const Bytes &iv);

/// RFC 5869 with SHA-256. No salt: as many zeros as the hash has bytes.
Bytes hkdf(const Bytes &secret, const Bytes &salt, const Bytes &info, std::size_t size);

}  // namespace e2ee::test
