/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Views of bytes. A frame is never copied to be looked at.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace e2ee {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

inline void append(std::vector<std::uint8_t> &to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

inline std::uint32_t big_endian(std::uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}
inline std::uint64_t big_endian(std::uint64_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

inline std::uint32_t load_be32(const std::uint8_t *from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return big_endian(value);
}
inline std::uint64_t load_be64(const std::uint8_t *from) {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return big_endian(value);
}

inline void store_be32(std::uint8_t *to, std::uint32_t value) {
  value = big_endian(value);
  std::memcpy(to, &value, sizeof value);
}
inline void store_be64(std::uint8_t *to, std::uint64_t value) {
  value = big_endian(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace e2ee
