/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Takes the place of the core's random.cpp, which is in a library of its objects.
#include "fixed_random.h"

#include <openssl/rand.h>

#include <atomic>
#include <climits>

#include "core/random.h"

namespace {

std::atomic<bool> is_fixed{false};
std::atomic<unsigned> drawn{0};

}  // namespace

namespace e2ee {

bool random_bytes(ByteSpan out) {
  if (!is_fixed)
    return out.size() <= INT_MAX && RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
  for (std::uint8_t &byte : out)
    byte = static_cast<std::uint8_t>(drawn++ * 37 + 11);
  return true;
}

}  // namespace e2ee

namespace e2ee::test {

FixedRandom::FixedRandom() {
  drawn = 0;
  is_fixed = true;
}

FixedRandom::~FixedRandom() {
  is_fixed = false;
}

}  // namespace e2ee::test
