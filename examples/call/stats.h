// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <string>

namespace call {

// What the `stats` property of e2eeencrypt and e2eedecrypt says, added up over streams.
struct E2EEStats {
  guint64 in = 0;
  guint64 out = 0;
  guint64 missing_key = 0;
  guint64 failed = 0;       // authentication failed: another key, or altered
  guint64 other = 0;        // malformed, replayed, over a limit ...
  guint64 unprotected = 0;  // passed in the clear
  std::string fingerprint;

  guint64 refused() const { return missing_key + failed + other; }
  void add(GstElement *element);
};

}  // namespace call
