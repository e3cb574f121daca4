// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gio/gio.h>

#include <functional>
#include <utility>

#include "common/gst_ptr.h"

namespace examples {

// Runs `work` on another thread and then `done` on the thread's default main context, if that still
// runs. What is `urgent` does not queue behind what is not.
inline void run_in_worker(std::function<void()> work, std::function<void()> done,
                          bool urgent = false) {
  struct Job {
    std::function<void()> work, done;
  };
  const ObjectPtr<GTask> task(g_task_new(
      nullptr, nullptr,
      [](GObject *, GAsyncResult *result, gpointer) {
        static_cast<Job *>(g_task_get_task_data(G_TASK(result)))->done();
      },
      nullptr));
  g_task_set_priority(task.get(), urgent ? G_PRIORITY_HIGH : G_PRIORITY_DEFAULT);
  g_task_set_task_data(task.get(), new Job{std::move(work), std::move(done)},
                       [](gpointer job) { delete static_cast<Job *>(job); });
  g_task_run_in_thread(task.get(), [](GTask *running, gpointer, gpointer job, GCancellable *) {
    static_cast<Job *>(job)->work();
    g_task_return_boolean(running, TRUE);
  });
}

}  // namespace examples
