// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "common/json.h"
#include "common/terminal.h"

namespace publish {

// How a track is doing.
struct Row {
  std::string name, codec, state;
  unsigned width = 0, height = 0;
  guint64 frames = 0, bytes = 0, dropped = 0;
};

// Tells people, or programs by lines of JSON, what happens. Main thread.
class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  // `text`: for people; empty: not worth a line.
  void note(const std::string &event, const examples::JsonFields &fields, const std::string &text);
  void show(const std::vector<Row> &rows);

 private:
  const bool json_;
  examples::Terminal terminal_;
};

}  // namespace publish
