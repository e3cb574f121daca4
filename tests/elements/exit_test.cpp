/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A process that ends while keys are being derived ends well.
#include <cstdlib>

#include "participants.h"

namespace elements {
namespace {

constexpr guint kIndices = 16;

/// Ends the process while workers have some thousand keys to derive.
[[noreturn]] void exit_while_deriving(unsigned after_us) {
  std::vector<Provider> providers;
  std::vector<std::unique_ptr<End>> decryptors;
  for (int i = 0; i < 4; ++i) {
    providers.push_back(new_ring());
    g_object_set(providers.back().get(), "ratchet-window", 64, nullptr);
    for (guint index = 0; index < kIndices; ++index)
      set_key(providers.back(), "alice", 1, index);
    decryptors.push_back(std::make_unique<End>("e2eedecrypt", providers.back(), "alice"));
  }
  g_usleep(after_us);
  std::exit(0);
}

}  // namespace

TEST(Exit, WhileWorkersDerive) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the child starts anew, with threads of its own
  const unsigned times = g_getenv("E2EE_QUICK") ? 10 : 40;
  for (unsigned i = 0; i < times; ++i)
    EXPECT_EXIT(exit_while_deriving(i * 100), testing::ExitedWithCode(0), "") << i;
}

}  // namespace elements
