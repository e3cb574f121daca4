/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A process that ends while keys are being derived ends well.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "support/element.h"
#include "support/sanitizer.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr guint kIndices = 16;

Provider searching_ring() {
  Provider ring = new_ring();
  g_object_set(ring.get(), "ratchet-window", 64, nullptr);
  return ring;
}

void set_all_keys(const Provider &ring) {
  for (guint index = 0; index < kIndices; ++index)
    set_key(ring, "alice", 1, index);
}

/// Workers have some thousand keys to derive.
struct Busy {
  explicit Busy(bool keys_first) {
    for (Provider &ring : rings) {
      ring = searching_ring();
      if (keys_first)
        set_all_keys(ring);
      decryptors.push_back(std::make_unique<End>("e2eedecrypt", ring, "alice"));
    }
    for (const Provider &ring : rings) {
      if (!keys_first)
        set_all_keys(ring);
    }
  }
  std::array<Provider, 4> rings;
  std::vector<std::unique_ptr<End>> decryptors;
};

[[noreturn]] void exit_while_deriving(bool keys_first, unsigned after_us) {
  const Busy busy(keys_first);
  g_usleep(after_us);
  std::exit(0);
}

/// Handlers that were there first run last: when no worker works any more.
[[noreturn]] void exit_and_change_keys() {
  static Busy *busy = nullptr;
  std::atexit([] {
    set_current(busy->rings[0], "alice", 1);
    gst_e2ee_key_provider_sync(busy->rings[0].get());
  });
  busy = new Busy(true);
  std::exit(0);
}

[[noreturn]] void exit_in_a_forked_child() {
  const Busy busy(true);
  for (unsigned i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      std::exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0)
      std::_Exit(1);
  }
  std::_Exit(0);
}

class Exit : public testing::Test {
 protected:
  // The child starts anew, with threads of its own.
  Exit() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  static constexpr unsigned kPauseUs = 100;
  const unsigned times = is_quick() ? 10 : 40;
};

}  // namespace

TEST_F(Exit, WhileWorkersDerive) {
  for (unsigned i = 0; i < times; ++i)
    EXPECT_EXIT(exit_while_deriving(true, i * kPauseUs), testing::ExitedWithCode(0), "") << i;
}

// The library is there before OpenSSL has been used at all.
TEST_F(Exit, WhileWorkersDeriveKeysThatCameLater) {
  for (unsigned i = 0; i < times; ++i)
    EXPECT_EXIT(exit_while_deriving(false, i * kPauseUs), testing::ExitedWithCode(0), "") << i;
}

TEST_F(Exit, WithHandlersThatChangeKeys) {
  EXPECT_EXIT(exit_and_change_keys(), testing::ExitedWithCode(0), "");
}

TEST_F(Exit, OfAForkedChild) {
  if (has_address_sanitizer())
    GTEST_SKIP() << "AddressSanitizer's allocator may stay locked in a forked child";
  EXPECT_EXIT(exit_in_a_forked_child(), testing::ExitedWithCode(0), "");
}

}  // namespace e2ee::test
