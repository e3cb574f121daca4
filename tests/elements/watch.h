/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string>

namespace e2ee::test {

/// The string form of a provider that follows a key file.
inline std::string watching(const std::string &path) {
  return "shared,key-file=" + path + ",watch=true";
}

}  // namespace e2ee::test
