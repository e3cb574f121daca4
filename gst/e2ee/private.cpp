/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include "errors.h"

const e2ee::PrivateTable *gst_e2ee_private(guint version, const gchar *release, GError **error) {
  static constexpr e2ee::PrivateTable table{e2ee::open_frame_cryptor, e2ee::Clock::now};
  if (version == e2ee::kPrivateVersion)
    return &table;
  e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
             "the plugin e2ee and the library libgste2ee-1.0 are of different builds: the library "
             "is %s (inside %u), the plugin %s (inside %u). Install both from one build, and let "
             "GST_PLUGIN_PATH and LD_LIBRARY_PATH name folders of the same one",
             GST_E2EE_RELEASE, e2ee::kPrivateVersion, release, version);
  return nullptr;
}
