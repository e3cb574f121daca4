/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <optional>
#include <vector>

#include "core/bytes.h"

namespace e2ee {

/// A part of a payload of RED, which repeats what earlier payloads had.
struct RedBlock {
  unsigned payload_type = 0;
  unsigned age = 0;  // by how much it is older than the payload, in units of the RTP clock
  ByteView bytes;
};

/// The blocks of a payload of RED in the order in which they are in it: RFC 2198, 3. The last one
/// is the newest, of age 0. None: the payload is malformed.
std::optional<std::vector<RedBlock>> read_red(ByteView payload);

}  // namespace e2ee
