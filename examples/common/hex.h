/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <cstddef>
#include <string>

namespace examples {

/// In lower case.
inline std::string hex_of(const void *bytes, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto *at = static_cast<const unsigned char *>(bytes);
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    text += {kDigits[at[i] >> 4], kDigits[at[i] & 15]};
  return text;
}

}  // namespace examples
