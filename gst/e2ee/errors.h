/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/e2ee/e2ee-enums.h>

#include <cstdarg>

namespace e2ee {

/// Sets an error of the library's domain. Returns false, for callers that do the same.
[[gnu::format(printf, 3, 4)]] inline bool fail(GError **error, GstE2EEError code,
                                               const char *format, ...) {
  va_list values;
  va_start(values, format);
  g_propagate_error(error, g_error_new_valist(GST_E2EE_ERROR, code, format, values));
  va_end(values);
  return false;
}

}  // namespace e2ee
