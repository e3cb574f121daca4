// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

#include <cstdio>

namespace publish {

using examples::JsonWriter;

namespace {

JsonWriter json_of(const Row &row) {
  return JsonWriter({{"track", row.name},
                     {"codec", row.codec},
                     {"state", row.state},
                     {"width", std::int64_t{row.width}},
                     {"height", std::int64_t{row.height}},
                     {"frames", examples::json_unsigned(row.frames)},
                     {"bytes", examples::json_unsigned(row.bytes)},
                     {"dropped", examples::json_unsigned(row.dropped)}});
}

std::string text_of(const Row &row) {
  std::string text = row.name + ": " + row.state;
  if (!row.codec.empty())
    text += ", " + row.codec;
  if (row.width > 0)
    text += " " + std::to_string(row.width) + "x" + std::to_string(row.height);
  text += ", " + std::to_string(row.frames) + " frames";
  return row.dropped > 0 ? text + ", " + std::to_string(row.dropped) + " dropped" : text;
}

}  // namespace

void Report::note(const std::string &event, const examples::JsonFields &fields,
                  const std::string &text) {
  if (json_) {
    JsonWriter told({{"event", event}, {"time", examples::time_text(g_get_real_time())}});
    for (const auto &[name, value] : fields)
      told.set(name, value);
    printf("%s\n", told.line().c_str());
  } else if (!text.empty()) {
    terminal_.end_progress();
    printf("%s\n", examples::harmless(text).c_str());
  }
  fflush(stdout);
}

void Report::show(const std::vector<Row> &rows) {
  if (json_) {
    std::vector<JsonWriter> tracks;
    for (const Row &row : rows)
      tracks.push_back(json_of(row));
    JsonWriter told(
        {{"event", std::string("progress")}, {"time", examples::time_text(g_get_real_time())}});
    printf("%s\n", told.set("tracks", tracks).line().c_str());
    fflush(stdout);
    return;
  }
  std::string line;
  for (const Row &row : rows)
    line += (line.empty() ? "" : "; ") + examples::harmless(text_of(row));
  terminal_.progress(line);
}

}  // namespace publish
