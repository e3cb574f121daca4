/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The table of kinds: `shared`, `participant` and those that plugins add.
#pragma once

#include "gste2eekeyprovider.h"

namespace e2ee {

/// Makes the provider that `text` describes.
GstE2EEKeyProvider *make_provider(const char *text, GError **error);

/// Whether `text`, which may have mistakes in it, takes its keys from a file.
bool names_a_file(const char *text);

}  // namespace e2ee
