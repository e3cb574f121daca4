/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

namespace e2ee {

/// Category `e2ee` of GStreamer's debug log: keys and providers, never their secrets.
inline GstDebugCategory *debug_category() {
  static GstDebugCategory *const category = [] {
    GstDebugCategory *made = nullptr;
    GST_DEBUG_CATEGORY_INIT(made, "e2ee", 0, "E2EE keys and key providers");
    return made;
  }();
  return category;
}

}  // namespace e2ee
