/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ringasync.h"

namespace e2ee {

namespace {

// Told in the main context that was the caller's, when the last token goes.
class Outcome {
 public:
  explicit Outcome(GTask *task) : task_(task) {}
  ~Outcome() {
    const ForeignCall call;  // the provider may go with the task
    if (error_ != nullptr)
      g_task_return_error(task_, error_);
    else
      g_task_return_boolean(task_, TRUE);
    g_object_unref(task_);
  }
  Outcome(const Outcome &) = delete;
  Outcome &operator=(const Outcome &) = delete;

  void fail(GError *error) { error_ = error; }

 private:
  GTask *const task_;
  GError *error_ = nullptr;
};

gpointer tag_of(const char *name) {
  return GUINT_TO_POINTER(g_quark_from_static_string(name));
}

}  // namespace

void set_async(const AsyncCall &call,
               const std::function<bool(const Done &done, GError **error)> &set) {
  GTask *task = g_task_new(call.provider, call.cancellable, call.callback, call.user_data);
  g_task_set_source_tag(task, tag_of(call.name));
  const auto outcome = std::make_shared<Outcome>(task);
  GError *error = nullptr;
  if (!set(outcome, &error))
    outcome->fail(error);
}

gboolean set_finish(gpointer provider, GAsyncResult *result, const char *name, GError **error) {
  g_return_val_if_fail(g_task_is_valid(result, provider), FALSE);
  g_return_val_if_fail(g_async_result_is_tagged(result, tag_of(name)), FALSE);
  return g_task_propagate_boolean(G_TASK(result), error);
}

}  // namespace e2ee
