/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What errors may repeat of the text that they are about. A secret may stand in the wrong place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace e2ee {

/// "a", "a or b", "a, b or c".
std::string joined(const std::vector<std::string> &names);

/// Whether `name` is one of `names`, or a slip away from one. Any other may be a secret.
bool is_nearly(std::string_view name, const std::vector<std::string> &names);

/// Whether `path` names a file beyond doubt, whether it is there or not. The rule is in
/// docs/key-providers.md.
bool is_path(const std::string &path);

}  // namespace e2ee
