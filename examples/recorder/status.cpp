// SPDX-License-Identifier: LGPL-2.1-or-later
#include "status.h"

namespace recorder {

std::vector<JsonWriter> status_of(const std::vector<ProgressRow> &rows) {
  std::vector<JsonWriter> status;
  for (const ProgressRow &row : rows) {
    JsonFields fields{{"participant", row.identity},
                      {"state", row.state},
                      {"file", row.file},
                      {"video", static_cast<std::int64_t>(row.video)},
                      {"audio", static_cast<std::int64_t>(row.audio)},
                      {"bytes", static_cast<std::int64_t>(row.bytes)},
                      {"lost", static_cast<std::int64_t>(row.lost)}};
    if (row.key)
      fields.emplace_back("reason", std::string(row.key->reason));
    status.emplace_back(fields);
  }
  return status;
}

}  // namespace recorder
