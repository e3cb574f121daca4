/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/iv.h"

#include "core/secret.h"

namespace e2ee {

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
