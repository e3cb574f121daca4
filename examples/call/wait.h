// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <thread>

namespace call {

inline constexpr std::chrono::milliseconds kPollInterval{50};

// Asks until the answer is yes; false when the time is over.
template <typename Condition>
bool wait_until(std::chrono::steady_clock::duration time, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

}  // namespace call
