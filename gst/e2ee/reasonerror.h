/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <optional>

#include "core/reason.h"

namespace e2ee {

/// Tells the caller of a public class why a frame or message did not pass. `key_id`: what to
/// encrypt with, or what it names; none: there is no current key.
void set_reason_error(GError **error, Reason reason, std::optional<std::uint64_t> key_id);

}  // namespace e2ee
