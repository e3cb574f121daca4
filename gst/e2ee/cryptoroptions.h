/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/scheme.h"
#include "framecryptor.h"

namespace e2ee {

/// The scheme as `options` ask for it. Null, with an error that says what to do, when the scheme
/// cannot do that, does not go with the provider, cannot use its current key, or the provider could
/// not be configured.
const Scheme *check_options(GstE2EEKeyProvider *provider, const CryptorOptions &options,
                            GError **error);

}  // namespace e2ee
