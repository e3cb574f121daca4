/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <optional>
#include <vector>

#include "core/bytes.h"

namespace e2ee {

/// The SPS `unit` of H.264 with the statement that pictures are decoded in the order in which they
/// are shown. libwebrtc adds this statement to each SPS that lacks it. The bytes then differ from
/// those that were authenticated, and the frame does not verify.
///
/// None if the SPS has the statement, if the order may be another one, or if the SPS cannot be
/// read. `unit` is a NAL unit without start code.
std::optional<std::vector<std::uint8_t>> sps_in_order(ByteView unit);

}  // namespace e2ee
