/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sanitizer.h"

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

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

// The first table of quarks, 2048 pointers: it is replaced when it is full and never freed.
static constexpr std::size_t kQuarkTable = 2048 * sizeof(void *);
static const volatile void *quark_table = nullptr;
static bool started = false;

extern "C" void __sanitizer_malloc_hook(const volatile void *block, std::size_t size) {
  // Libraries start before this program's own initialisation.
  if (!started && quark_table == nullptr && size == kQuarkTable)
    quark_table = block;
}

namespace elements {
void ignore_startup_leak() {
  if (!started && quark_table != nullptr)
    __lsan_ignore_object(const_cast<void *>(quark_table));
  started = true;
}
bool has_address_sanitizer() {
  return true;
}
}  // namespace elements

// The library's workers stay a second for more work. What OpenSSL keeps for a thread that is still
// there when the program ends looks like a leak.
class WorkersEnd : public testing::Environment {
 public:
  void TearDown() override {
    for (int i = 0; i < 500 && any(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

 private:
  static bool any() {
    std::error_code error;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task", error)) {
      std::string name;
      std::ifstream(task.path() / "comm") >> name;
      if (name == "e2ee-keys")
        return true;
    }
    return false;
  }
};

__attribute__((constructor)) static void at_start() {
  elements::ignore_startup_leak();
  testing::AddGlobalTestEnvironment(new WorkersEnd);
}
#else
namespace elements {
void ignore_startup_leak() {}
bool has_address_sanitizer() {
  return false;
}
}  // namespace elements
#endif
