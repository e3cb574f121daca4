// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <chrono>

namespace recorder {

// Calls `call` on the thread's default main context after that time, and again while it says so.
// The source is the caller's, to take down with clear_source().
inline GSource *add_timeout(std::chrono::milliseconds time, GSourceFunc call, gpointer data) {
  GSource *source = g_timeout_source_new(static_cast<guint>(time.count()));
  g_source_set_callback(source, call, data, nullptr);
  g_source_attach(source, g_main_context_get_thread_default());
  return source;
}

inline void clear_source(GSource *&source) {
  if (source == nullptr)
    return;
  g_source_destroy(source);
  g_source_unref(source);
  source = nullptr;
}

}  // namespace recorder
