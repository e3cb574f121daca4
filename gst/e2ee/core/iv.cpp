/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/iv.h"

#include "core/secret.h"

namespace e2ee {

void IvSource::advance(Iv &iv, unsigned n) {
  std::uint64_t carry = n;
  for (std::size_t i = kIvSize; i-- > 0 && carry != 0;) {
    carry += iv[i];
    iv[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
}

bool IvSource::take(unsigned count, Iv &first) {
  const unsigned fork = fork_generation();
  if (!started_ || fork != fork_) {
    if (!random_(next_))
      return false;
    started_ = true;
    fork_ = fork;
  }
  first = next_;
  advance(next_, count);
  return true;
}

}  // namespace e2ee
