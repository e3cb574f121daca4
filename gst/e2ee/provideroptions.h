/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Fields of the string form that set properties of the provider.
#pragma once

#include <glib-object.h>

namespace e2ee {

/// Sets those properties of `provider` that `fields` names; other fields are left alone. The error
/// says which values the property takes.
bool set_options(gpointer provider, GHashTable *fields, GError **error);

}  // namespace e2ee
