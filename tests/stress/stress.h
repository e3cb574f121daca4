/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What tests under load share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/pipeline.h"
#include "support/waiting.h"

namespace e2ee::test {

using Clock = std::chrono::steady_clock;

/// How long a test runs: a quarter of `seconds`, all of them with E2EE_LONG=1 in the environment, a
/// few with E2EE_QUICK=1.
inline std::chrono::seconds duration(unsigned seconds) {
  const char *value = std::getenv("E2EE_LONG");
  const bool is_long = value != nullptr && std::string(value) == "1";
  const unsigned part = is_quick() ? 20 : is_long ? 1 : 4;
  return std::chrono::seconds((seconds + part - 1) / part);
}

/// Keeps every processor busy.
class Load {
 public:
  Load() {
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
      threads_.emplace_back([this] {
        while (!stop_)
          spins_.fetch_add(1, std::memory_order_relaxed);
      });
  }
  ~Load() {
    stop_ = true;
    for (std::thread &thread : threads_)
      thread.join();
  }
  Load(const Load &) = delete;
  Load &operator=(const Load &) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> spins_{0};
  std::vector<std::thread> threads_;
};

}  // namespace e2ee::test
