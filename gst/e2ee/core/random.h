/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bytes.h"

namespace e2ee {

/// Fills `out` from a CSPRNG; false when it cannot. A parameter of what draws, so that tests can
/// make it fail or repeat.
using RandomFn = bool (*)(ByteSpan out);

/// OpenSSL's generator, which reseeds itself in a forked child.
bool random_bytes(ByteSpan out);

}  // namespace e2ee
