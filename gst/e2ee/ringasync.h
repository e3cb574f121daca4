/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The _async and _finish forms of setters.
#pragma once

#include <gio/gio.h>

#include "ringprovider.h"

namespace e2ee {

/// One call of an _async form. The caller is told, in the main context that is its own, of the
/// error or when running elements have what was set.
class AsyncCall {
 public:
  /// As in GIO; `name` of the function is a literal.
  AsyncCall(gpointer provider, GCancellable *cancellable, GAsyncReadyCallback callback,
            gpointer user_data, const char *name);

  /// For what makes the material, and fails instead of giving some.
  GError **error();
  // `participant` is null for the shared ring.
  void set(const char *participant, MaterialPtr material);
  void set_current(const char *participant, guint64 id);

 private:
  class Outcome;
  RingProvider &ring_;
  const std::shared_ptr<Outcome> outcome_;
};

/// What `name` came to.
gboolean set_finish(gpointer provider, GAsyncResult *result, const char *name, GError **error);

}  // namespace e2ee
