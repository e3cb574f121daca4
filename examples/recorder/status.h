// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <vector>

#include "progress.h"

namespace recorder {

// What the command `status` answers of each participant.
std::vector<JsonWriter> status_of(const std::vector<ProgressRow> &rows);

}  // namespace recorder
