/* SPDX-License-Identifier: LGPL-2.1-or-later */
// keys.ini: the keys of participants in a GKeyFile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "material-private.h"

namespace e2ee {

struct FileRing {
  std::map<std::uint64_t, MaterialPtr> keys;
  std::optional<std::uint64_t> current;
};
using FileRings = std::map<std::string, FileRing>;

/// Reads a whole file or nothing. `ring_size`: indices are below it.
bool read_keys_file(const char *path, unsigned ring_size, FileRings &rings,
                    std::vector<std::string> &notices, GError **error);

}  // namespace e2ee
