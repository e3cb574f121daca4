/* SPDX-License-Identifier: LGPL-2.1-or-later */
// How long generations that were left still decrypt.
#include "inside.h"
#include "support/element.h"

namespace e2ee::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A receiver of Alice's, and a frame of each of her first generations.
class Grace : public testing::Test {
 protected:
  static constexpr unsigned kGenerations = 12;

  void step_to(unsigned generation) {
    ASSERT_TRUE(arrives(decryptor, frames[generation])) << generation;
    present = generation;
  }
  /// The generations that decrypt, as bits.
  unsigned decrypting() {
    unsigned bits = 0;
    for (unsigned generation = 0; generation <= present; ++generation) {
      const auto out = decryptor.pass(frames[generation]);
      bits |= (out == noise(60, generation) ? 1U : 0U) << generation;
    }
    return bits;
  }

  const Provider receiving = ring_with(0x71);
  const std::vector<Bytes> frames = frames_of_generations(ring_with(0x71), kGenerations);
  End decryptor{"e2eedecrypt", receiving, kAlice};
  unsigned present = 0;
};

TEST_F(Grace, R15_EachGenerationHasTenSecondsOfItsOwn) {
  step_to(0);
  step_to(1);
  pass_time(receiving, seconds(4));
  EXPECT_EQ(decrypting(), 0b11U);
  step_to(2);
  EXPECT_EQ(decrypting(), 0b111U) << "two steps within ten seconds";
  pass_time(receiving, milliseconds(5500));
  EXPECT_EQ(decrypting(), 0b111U) << "9.5 s after 0 was left";
  pass_time(receiving, milliseconds(1000));
  EXPECT_EQ(decrypting(), 0b110U) << "10.5 s after 0 was left, 6.5 s after 1 was";
  pass_time(receiving, milliseconds(4000));
  EXPECT_EQ(decrypting(), 0b100U) << "the present one stays";
  EXPECT_EQ(decryptor.stat("generation"), 2U);
}

TEST_F(Grace, R15_GenerationsThatWereSteppedOverAreLeftAtThatMoment) {
  step_to(3);
  EXPECT_EQ(decrypting(), 0b1111U);
  pass_time(receiving, seconds(11));
  EXPECT_EQ(decrypting(), 0b1000U);
}

TEST_F(Grace, R9_SevenAtMostTheNearest) {
  for (unsigned generation = 0; generation < kGenerations; ++generation)
    step_to(generation);
  EXPECT_EQ(decrypting(), 0b111111110000U);
}

TEST_F(Grace, R15_AReplacedKeyHasNone) {
  step_to(2);
  set_key(receiving, kAlice, 0x72);
  EXPECT_EQ(decrypting(), 0U);
}

}  // namespace
}  // namespace e2ee::test
