/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Views of bytes. A frame is never copied to be looked at.
#pragma once

#include <cstddef>
#include <cstdint>
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

inline void store_be32(std::uint8_t *to, std::uint32_t value) {
  for (int i = 3; i >= 0; --i, value >>= 8)
    to[i] = static_cast<std::uint8_t>(value);
}

inline void store_be64(std::uint8_t *to, std::uint64_t value) {
  for (int i = 7; i >= 0; --i, value >>= 8)
    to[i] = static_cast<std::uint8_t>(value);
}

}  // namespace e2ee
