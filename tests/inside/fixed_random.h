/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

namespace e2ee::test {

/// While this lives the library draws the same numbers each time: of no use for keys, but two
/// encryptors can be held against each other byte for byte.
class FixedRandom {
 public:
  FixedRandom();
  ~FixedRandom();
  FixedRandom(const FixedRandom &) = delete;
  FixedRandom &operator=(const FixedRandom &) = delete;
};

}  // namespace e2ee::test
