/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Fields of the string form that set properties of the provider.
#pragma once

#include <glib-object.h>

#include <string>
#include <vector>

namespace e2ee {

/// Sets those properties of `provider` that `fields` names; other fields are left alone. The error
/// says which values the property takes.
bool set_options(gpointer provider, GHashTable *fields, GError **error);

/// "a", "a or b", "a, b or c".
std::string joined(const std::vector<std::string> &names);

}  // namespace e2ee
