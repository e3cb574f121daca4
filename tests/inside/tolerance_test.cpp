/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What failure-tolerance changes.
#include "inside.h"
#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A receiver that got a frame of generation 0 and then forged ones, a frame of generation 1, and
/// enough time to derive that.
struct Attacked {
  explicit Attacked(int tolerance, unsigned forged_frames) {
    g_object_set(receiving.get(), "failure-tolerance", tolerance, nullptr);
    set_key(receiving, kAlice, 0x73);
    decryptor.emplace("e2eedecrypt", receiving, kAlice);
    let_workers_finish();
    EXPECT_TRUE(decryptor->pass(frames[0]));
    Bytes forged = frames[0];
    forged[20] ^= 1;
    for (unsigned i = 0; i < forged_frames; ++i)
      EXPECT_FALSE(decryptor->pass(forged));
  }
  bool follows() { return decryptor->pass(frames[1]).has_value(); }

  const Provider receiving = new_ring();
  const std::vector<Bytes> frames = frames_of_generations(ring_with(0x73), 2);
  std::optional<End> decryptor;
};

}  // namespace

TEST(FailureTolerance, R9_WithoutThereAreManySearches) {
  Attacked attacked(-1, 10);
  EXPECT_TRUE(attacked.follows());
  EXPECT_EQ(attacked.decryptor->stat("ratchet-steps"), 1U);
}

TEST(FailureTolerance, R9_WithinItSearchesGoOn) {
  Attacked attacked(10, 10);
  EXPECT_TRUE(attacked.follows());
}

TEST(FailureTolerance, R9_BeyondItThereIsOneSearchASecond) {
  Attacked attacked(4, 10);
  EXPECT_FALSE(attacked.follows()) << "the search of this second went to a forged frame";
  EXPECT_TRUE(attacked.decryptor->pass(attacked.frames[0])) << "needs none";
}

TEST(FailureTolerance, R9_ItNeverEndsTheSearches) {
  Attacked attacked(4, 1000);
  ASSERT_FALSE(attacked.follows());
  e2ee::Clock::advance_for_tests(milliseconds(1100));
  EXPECT_TRUE(attacked.follows());
  EXPECT_EQ(attacked.decryptor->stat("generation"), 1U);
}

}  // namespace e2ee::test
