/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/random.h"

#include <openssl/rand.h>

#include <climits>

namespace e2ee {

bool random_bytes(ByteSpan out) {
  return out.size() <= INT_MAX && RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

}  // namespace e2ee
