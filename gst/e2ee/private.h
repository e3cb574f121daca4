/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The way from our plugin into the library: one exported function. Not installed.
#pragma once

#include "core/clock.h"
#include "framecryptor.h"
#include "private-version.h"

namespace e2ee {

/// What the plugin uses of the library's inside.
struct PrivateTable {
  decltype(&open_frame_cryptor) open;
  /// What deadlines go by. The plugin's own Clock::now() knows nothing of how far tests have put it
  /// forward.
  decltype(&Clock::now) now;
};

}  // namespace e2ee

G_BEGIN_DECLS

/// Null with an error that says both versions when the library is of another build than the caller,
/// which passes its own e2ee::kPrivateVersion and the release it belongs to.
GST_E2EE_API
const e2ee::PrivateTable *gst_e2ee_private(guint version, const gchar *release, GError **error);

G_END_DECLS
