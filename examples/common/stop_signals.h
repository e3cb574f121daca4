// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>

namespace examples {

// SIGINT and SIGTERM ask a program to end; a second one ends it at once. On the thread's default
// main context.
class StopSignals {
 public:
  explicit StopSignals(std::function<void()> stop);
  ~StopSignals();
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;

 private:
  template <int Signal>
  static int on_signal(void *self);

  const std::function<void()> stop_;
  bool stopping_ = false;
  unsigned interrupt_, terminate_;
};

}  // namespace examples
