// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/metrics.h"
#include "common/terminal.h"

namespace publish {

// How a track is doing.
struct Row {
  unsigned number = 0;
  std::string name, codec, state;
  unsigned width = 0, height = 0;
  guint64 frames = 0, bytes = 0, key_generation = 0;
  std::map<std::string, guint64> dropped;  // frames, by reason
  bool is_wanted = false;

  guint64 all_dropped() const;
};

struct Figures {
  std::vector<Row> rows;
  guint64 reconnects = 0, packets_lost = 0;
};

// As Prometheus reads them: nobody's name, no fingerprint of a key.
std::vector<examples::Metric> metrics_of(const Figures &figures);

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
