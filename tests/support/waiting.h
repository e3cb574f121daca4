/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Waiting for what other threads do.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace e2ee::test {

/// Looks every few milliseconds; false after `limit`.
bool wait_for(const std::function<bool()> &condition,
              std::chrono::milliseconds limit = std::chrono::seconds(10));

void sleep_ms(unsigned ms);

/// How many threads of this process have this name.
unsigned threads_named(const std::string &name);
/// The name of the library's threads for keys.
inline constexpr char kWorker[] = "e2ee-keys";

/// Waits until every other thread of the process has nothing to do: what workers derive ahead is
/// derived then, however busy the machine is.
void let_workers_finish();

/// E2EE_QUICK=1 in the environment: tests that go through many frames take fewer.
bool is_quick();

}  // namespace e2ee::test
