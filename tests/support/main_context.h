/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Waiting where a main context has to run.
#pragma once

#include <glib.h>

#include <chrono>
#include <functional>

namespace e2ee::test {

/// Runs the main context until it is so, or for a long time.
inline bool run_until(const std::function<bool()> &done,
                      std::chrono::milliseconds limit = std::chrono::minutes(1)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  // So that a wait without events ends.
  GSource *wake = g_timeout_source_new(20);
  g_source_set_callback(
      wake, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
  g_source_attach(wake, nullptr);
  while (!done() && std::chrono::steady_clock::now() < end)
    g_main_context_iteration(nullptr, TRUE);
  g_source_destroy(wake);
  g_source_unref(wake);
  return done();
}

/// For what should not come.
inline void run_for(std::chrono::milliseconds time) {
  run_until([] { return false; }, time);
}

}  // namespace e2ee::test
