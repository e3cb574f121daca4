// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace examples {

// Calls back once, on the thread's default main context, unless it is stopped or gone by then. May
// be started, stopped and destroyed from its own callback.
class Timer {
 public:
  Timer() = default;
  ~Timer() { stop(); }
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;

  void start(std::chrono::milliseconds after, std::function<void()> callback) {
    stop();
    source_ = g_timeout_source_new(
        static_cast<guint>(std::clamp<long long>(after.count(), 0, G_MAXUINT)));
    auto *owned = new std::function<void()>(std::move(callback));
    g_source_set_callback(
        source_,
        [](gpointer function) -> gboolean {
          (*static_cast<std::function<void()> *>(function))();
          return G_SOURCE_REMOVE;
        },
        owned, [](gpointer function) { delete static_cast<std::function<void()> *>(function); });
    g_source_attach(source_, g_main_context_get_thread_default());
  }

  void stop() {
    if (!source_)
      return;
    g_source_destroy(source_);
    g_source_unref(std::exchange(source_, nullptr));
  }

  // From start() to the end of the callback.
  bool is_running() const { return source_ && !g_source_is_destroyed(source_); }

 private:
  GSource *source_ = nullptr;
};

// From any thread: calls back soon on the main loop of `context` with `weak`'s object, if it is
// still there. Objects that are used like this live and die on that thread.
template <typename T>
void post(GMainContext *context, std::weak_ptr<T> weak, std::function<void(T &)> callback,
          int priority = G_PRIORITY_DEFAULT) {
  struct Letter {
    std::weak_ptr<T> to;
    std::function<void(T &)> callback;
  };
  GSource *source = g_idle_source_new();
  g_source_set_priority(source, priority);
  g_source_set_callback(
      source,
      [](gpointer data) -> gboolean {
        auto *letter = static_cast<Letter *>(data);
        if (const auto object = letter->to.lock())
          letter->callback(*object);
        return G_SOURCE_REMOVE;
      },
      new Letter{std::move(weak), std::move(callback)},
      [](gpointer data) { delete static_cast<Letter *>(data); });
  g_source_attach(source, context);
  g_source_unref(source);
}

}  // namespace examples
