/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ringasync.h"

namespace e2ee {

namespace {

gpointer tag_of(const char *name) {
  return GUINT_TO_POINTER(g_quark_from_static_string(name));
}

}  // namespace

// Told when the last token goes.
class AsyncCall::Outcome {
 public:
  Outcome(GTask *task, const char *name) : task_(task) {
    g_task_set_source_tag(task, tag_of(name));
  }
  ~Outcome() {
    const ForeignCall call;  // the provider may go with the task
    if (error != nullptr)
      g_task_return_error(task_, error);
    else
      g_task_return_boolean(task_, TRUE);
    g_object_unref(task_);
  }
  Outcome(const Outcome &) = delete;
  Outcome &operator=(const Outcome &) = delete;

  GError *error = nullptr;

 private:
  GTask *const task_;
};

AsyncCall::AsyncCall(gpointer provider, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data, const char *name)
    : ring_(ring_of(provider)),
      outcome_(std::make_shared<Outcome>(g_task_new(provider, cancellable, callback, user_data),
                                         name)) {}

GError **AsyncCall::error() {
  return &outcome_->error;
}

void AsyncCall::set(const char *participant, MaterialPtr material) {
  ring_.set_later(participant, std::move(material), outcome_, error());
}

void AsyncCall::set_current(const char *participant, guint64 id) {
  ring_.set_current_later(participant, id, outcome_, error());
}

gboolean set_finish(gpointer provider, GAsyncResult *result, const char *name, GError **error) {
  g_return_val_if_fail(g_task_is_valid(result, provider), FALSE);
  g_return_val_if_fail(g_async_result_is_tagged(result, tag_of(name)), FALSE);
  return g_task_propagate_boolean(G_TASK(result), error);
}

}  // namespace e2ee
