/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <optional>
#include <vector>

#include "core/bytes.h"

namespace e2ee {

/// An SPS of H.264 that says what it left open: that pictures are decoded in the order in which
/// they are shown. libwebrtc writes that into every SPS it receives that does not, so that its
/// bytes are no longer those that were authenticated. `unit` is the NAL unit.
///
/// None where there is nothing to say: the SPS says it already, the order may be another one, or
/// the SPS cannot be read.
std::optional<std::vector<std::uint8_t>> sps_in_order(ByteView unit);

}  // namespace e2ee
