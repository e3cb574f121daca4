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

/// What a file without any group means. An empty one is always a mistake: it may be half written.
enum class NoGroups { kMistake, kNobody };

/// Reads a whole file or nothing. `ring_size`: indices are below it.
bool read_keys_file(const char *path, unsigned ring_size, NoGroups no_groups, FileRings &rings,
                    std::vector<std::string> &notices, GError **error);

}  // namespace e2ee
