/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The _async and _finish forms of setters.
#pragma once

#include <gio/gio.h>

#include <functional>

#include "workers.h"

namespace e2ee {

/// Who asked, and what is to be told; as in GIO.
struct AsyncCall {
  gpointer provider;
  GCancellable *cancellable;
  GAsyncReadyCallback callback;
  gpointer user_data;
  const char *name;  // of the function, a literal
};

/// Starts `set` and tells the caller when its token is gone, or at once of its error.
void set_async(const AsyncCall &call,
               const std::function<bool(const Done &done, GError **error)> &set);

/// What `name` came to.
gboolean set_finish(gpointer provider, GAsyncResult *result, const char *name, GError **error);

}  // namespace e2ee
