/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Bytes as tests make, join and compare them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace e2ee::test {

using Bytes = std::vector<std::uint8_t>;

/// None for what is not hex.
std::optional<Bytes> from_hex(std::string_view text);
std::string to_hex(const std::uint8_t *data, std::size_t size);
inline std::string to_hex(const Bytes &bytes) {
  return to_hex(bytes.data(), bytes.size());
}
std::string sha256_hex(const Bytes &bytes);

Bytes join(std::initializer_list<Bytes> pieces);
Bytes part(const Bytes &bytes, std::size_t from, std::size_t to);
Bytes big_endian(std::uint64_t number, std::size_t size);

/// Pseudorandom; the same for the same seed.
Bytes noise(std::size_t size, unsigned seed = 1);

/// A VP8 frame of noise behind the header that stays in the clear.
Bytes vp8_key(std::size_t size, unsigned seed = 1);
Bytes vp8_delta(std::size_t size, unsigned seed = 1);
inline constexpr std::size_t kVp8KeyHeader = 10;
inline constexpr std::size_t kVp8DeltaHeader = 3;

/// Whether any eight bytes of `secret` are found in `where`: they do not meet by chance.
bool holds_any_of(const Bytes &where, const Bytes &secret);

}  // namespace e2ee::test
