/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bytes.h"

namespace e2ee {

/// How long a packet of Opus plays, in samples at 48 kHz: RFC 6716, 3.1 and 3.2. 0: it is empty, or
/// longer than the 120 ms that a packet may have.
unsigned opus_samples(ByteView packet);

}  // namespace e2ee
