// SPDX-License-Identifier: LGPL-2.1-or-later
#include "report.h"

#include <cstdio>

namespace publish {

using examples::JsonWriter;
using examples::Metric;

namespace {

JsonWriter json_of(const Row &row) {
  return JsonWriter({{"track", std::int64_t{row.number}},
                     {"name", row.name},
                     {"codec", row.codec},
                     {"state", row.state},
                     {"width", std::int64_t{row.width}},
                     {"height", std::int64_t{row.height}},
                     {"frames", examples::json_unsigned(row.frames)},
                     {"bytes", examples::json_unsigned(row.bytes)},
                     {"dropped", examples::json_unsigned(row.all_dropped())}});
}

std::string text_of(const Row &row) {
  std::string text = row.name + ": " + row.state;
  if (!row.codec.empty())
    text += ", " + row.codec;
  if (row.width > 0)
    text += " " + std::to_string(row.width) + "x" + std::to_string(row.height);
  text += ", " + std::to_string(row.frames) + " frames";
  const guint64 dropped = row.all_dropped();
  return dropped > 0 ? text + ", " + std::to_string(dropped) + " dropped" : text;
}

using Labels = std::vector<std::pair<std::string, std::string>>;

Labels labels_of(const Row &row) {
  return {{"track", std::to_string(row.number)}, {"codec", row.codec}};
}

}  // namespace

guint64 Row::all_dropped() const {
  guint64 sum = 0;
  for (const auto &[reason, count] : dropped)
    sum += count;
  return sum;
}

std::vector<Metric> metrics_of(const Figures &figures) {
  Metric frames{.name = "e2ee_frames_total", .help = "Frames encrypted and sent.", .samples = {}};
  Metric bytes{.name = "e2ee_bytes_total", .help = "Bytes in these frames.", .samples = {}};
  Metric dropped{
      .name = "e2ee_dropped_total", .help = "Frames that could not be encrypted.", .samples = {}};
  Metric generation{.name = "e2ee_key_generation",
                    .type = Metric::Type::kGauge,
                    .help = "How often the key in use was ratcheted.",
                    .samples = {}};
  guint64 subscribed = 0;
  for (const Row &row : figures.rows) {
    frames.samples.push_back({labels_of(row), row.frames});
    bytes.samples.push_back({labels_of(row), row.bytes});
    generation.samples.push_back({labels_of(row), row.key_generation});
    subscribed += row.is_wanted;
    for (const auto &[reason, count] : row.dropped) {
      Labels labels = labels_of(row);
      labels.emplace_back("reason", reason);
      dropped.samples.push_back({labels, count});
    }
  }
  return {frames,
          bytes,
          dropped,
          generation,
          {.name = "e2ee_subscribers",
           .type = Metric::Type::kGauge,
           .help = "Tracks that somebody subscribes to.",
           .samples = {{{}, subscribed}}},
          {.name = "e2ee_reconnects_total",
           .help = "Times that the room was lost and joined again.",
           .samples = {{{}, figures.reconnects}}},
          {.name = "e2ee_packets_lost_total",
           .help = "Packets that the server reports lost.",
           .samples = {{{}, figures.packets_lost}}}};
}

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
