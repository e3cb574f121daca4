/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A decryptor, a frame that it opens, and frames that it must not let through.
#pragma once

#include "support/element.h"

namespace e2ee::test {

class BadFrames : public testing::Test {
 protected:
  void bad(const Bytes &frame) { ASSERT_EQ(decryptor.pass(frame), std::nullopt); }
  void good() { ASSERT_EQ(decryptor.pass(sealed), plain); }

  const Provider provider = raw_provider(0x51);
  const Bytes plain = vp8_key(60);
  const Bytes sealed = seal(provider, kVp8, plain);
  const Bytes forged = [this] {
    Bytes frame = sealed;
    frame[40] ^= 1;
    return frame;
  }();
  const Bytes unknown_key = [this] {
    Bytes frame = sealed;
    frame.back() = 9;
    return frame;
  }();
  Element decryptor{"e2eedecrypt", provider};
};

}  // namespace e2ee::test
