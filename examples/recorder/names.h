// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace recorder {

// A file name for an identity that came over the network: letters, digits, '-', '_' and '@' stay,
// everything else becomes %XX, cut to 100 characters with a hash behind it. Different identities
// never give the same name, on file systems that ignore case too. Never empty, never hidden.
std::string escape_identity(const std::string &identity);

struct CreatedFile {
  int fd;
  std::string name;  // in the folder
};
// Makes STEM.EXTENSION, or STEM.2.EXTENSION and so on: mode 0600, never an existing one, no links
// followed. Throws Failure.
CreatedFile create_file(int folder, const std::string &stem, const std::string &extension);

}  // namespace recorder
