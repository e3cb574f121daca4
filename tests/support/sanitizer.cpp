/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/sanitizer.h"

#if defined(__SANITIZE_ADDRESS__)
#define E2EE_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define E2EE_ASAN
#endif
#endif

#ifdef E2EE_ASAN
#include <gtest/gtest.h>
#include <sanitizer/allocator_interface.h>
#include <sanitizer/lsan_interface.h>

#include <cstddef>

#include "support/waiting.h"

// The first table of quarks, 2048 pointers: it is replaced when it is full and never freed.
static constexpr std::size_t kQuarkTable = 2048 * sizeof(void *);
static const volatile void *quark_table = nullptr;
static bool started = false;

extern "C" void __sanitizer_malloc_hook(const volatile void *block, std::size_t size) {
  // Libraries start before this program's own initialisation.
  if (!started && quark_table == nullptr && size == kQuarkTable)
    quark_table = block;
}

namespace e2ee::test {
void ignore_startup_leak() {
  if (!started && quark_table != nullptr)
    __lsan_ignore_object(const_cast<void *>(quark_table));
  started = true;
}
void ignore_leak(const void *block) {
  __lsan_ignore_object(block);
}
bool has_address_sanitizer() {
  return true;
}
}  // namespace e2ee::test

// The library's workers stay a second for more work. What OpenSSL keeps for a thread that is still
// there when the program ends looks like a leak.
class WorkersEnd : public testing::Environment {
 public:
  void TearDown() override {
    e2ee::test::wait_for([] { return e2ee::test::threads_named(e2ee::test::kWorker) == 0; },
                         std::chrono::seconds(5));
  }
};

__attribute__((constructor)) static void at_start() {
  e2ee::test::ignore_startup_leak();
  testing::AddGlobalTestEnvironment(new WorkersEnd);
}
#else
namespace e2ee::test {
void ignore_startup_leak() {}
void ignore_leak(const void *) {}
bool has_address_sanitizer() {
  return false;
}
}  // namespace e2ee::test
#endif
