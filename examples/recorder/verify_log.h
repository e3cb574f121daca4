// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace recorder {

// Prints what a log is. The exit status: 0 closed, 1 broken, 3 open-ended, and 2 when log or key
// cannot be read, which says nothing about the log.
int tell_log(const std::string &path, const std::string &public_key_file);

}  // namespace recorder
