// SPDX-License-Identifier: LGPL-2.1-or-later
#include "status.h"

#include "key_state.h"

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
    if (const KeyState *key = key_state(row.key_state))
      fields.emplace_back("reason", std::string(key->reason));
    status.emplace_back(fields);
  }
  return status;
}

}  // namespace recorder
