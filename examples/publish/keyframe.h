// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"

namespace publish {

// Whether a decoder can begin with this frame; of H.264, a byte stream, that it has a picture to
// begin with (IDR) and both parameter sets. Parsers' flags are not asked: some call any intra
// picture a key frame.
bool is_key_frame(Codec codec, const std::uint8_t *data, std::size_t size);

// 0 to 3.
unsigned vp9_profile(const std::uint8_t *data, std::size_t size);

}  // namespace publish
