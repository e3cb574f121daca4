// SPDX-License-Identifier: LGPL-2.1-or-later
#include "progress.h"

#include <stdio.h>

#include <algorithm>

namespace recorder {
namespace {

using examples::CharPtr;
using std::chrono::seconds;

constexpr std::chrono::milliseconds kTableEvery{250};
constexpr seconds kLineEvery{10};
constexpr seconds kJsonEvery{1};

unsigned columns_of(gunichar letter) {
  if (g_unichar_iszerowidth(letter))
    return 0;
  return g_unichar_iswide(letter) ? 2 : 1;
}

std::string padded_left(const std::string &text, unsigned columns) {
  return text.size() < columns ? std::string(columns - text.size(), ' ') + text : text;
}

std::string clock_text(seconds time) {
  const auto count = time.count();
  const CharPtr text(
      count < 3600
          ? g_strdup_printf("%d:%02d", static_cast<int>(count / 60), static_cast<int>(count % 60))
          : g_strdup_printf("%d:%02d:%02d", static_cast<int>(count / 3600),
                            static_cast<int>(count / 60 % 60), static_cast<int>(count % 60)));
  return text.get();
}

std::string megabytes(std::uint64_t bytes) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  const double count = static_cast<double>(bytes) / 1e6;
  return g_ascii_formatd(text, sizeof text, count < 1e5 ? "%.1f" : "%.0f", count);
}

ProgressRow total_of(const std::vector<ProgressRow> &rows) {
  ProgressRow total;
  for (const ProgressRow &row : rows) {
    total.video += row.video;
    total.audio += row.audio;
    total.lost += row.lost;
    total.bytes += row.bytes;
    total.time = std::max(total.time, row.time);
  }
  return total;
}

long recording_of(const std::vector<ProgressRow> &rows) {
  return std::count_if(rows.begin(), rows.end(),
                       [](const ProgressRow &row) { return row.state == "recording"; });
}

// ---- the table ----------------------------------------------------------------------------------

constexpr unsigned kStateColumns = 10;
constexpr unsigned kNumbers = 8 + 9 + 9 + 7 + 9;  // with a blank before each

struct Columns {
  unsigned name;
  unsigned file;  // 0: there is no room for it
};

Columns columns_for(unsigned width) {
  const unsigned fixed = 1 + kStateColumns + kNumbers;
  const unsigned left = width > fixed + 8 ? width - fixed : 8;
  if (left < 24)
    return {left, 0};
  const unsigned name = std::min(left / 2, 24U);
  return {name, std::min(left - name - 2, 60U)};
}

std::string numbers_of(const std::string &time, const std::string &video, const std::string &audio,
                       const std::string &lost, const std::string &size) {
  return " " + padded_left(time, 7) + " " + padded_left(video, 8) + " " + padded_left(audio, 8) +
         " " + padded_left(lost, 6) + " " + padded_left(size, 8);
}

std::string numbers_of(const ProgressRow &row) {
  return numbers_of(clock_text(row.time), std::to_string(row.video), std::to_string(row.audio),
                    std::to_string(row.lost), megabytes(row.bytes));
}

std::string state_text(const ProgressRow &row, const examples::Terminal &terminal) {
  const std::string text =
      progress_text::fitted(row.key ? row.key->brief : row.state, kStateColumns);
  if (row.state == "recording")
    return terminal.good(text);
  return row.state == "waiting" || row.state == "ended" ? text : terminal.bad(text);
}

std::string row_line(const ProgressRow &row, const Columns &columns,
                     const examples::Terminal &terminal) {
  std::string line = progress_text::fitted(progress_text::harmless(row.identity), columns.name) +
                     " " + state_text(row, terminal) + numbers_of(row);
  if (columns.file)
    line += "  " + progress_text::fitted(progress_text::harmless(row.file), columns.file);
  return line;
}

}  // namespace

namespace progress_text {

std::string fitted(const std::string &text, unsigned columns) {
  unsigned width = 0;
  for (const char *at = text.c_str(); *at; at = g_utf8_next_char(at))
    width += columns_of(g_utf8_get_char(at));
  if (width <= columns)
    return text + std::string(columns - width, ' ');
  std::string cut;
  unsigned used = 0;
  for (const char *at = text.c_str(); *at; at = g_utf8_next_char(at)) {
    const unsigned more = columns_of(g_utf8_get_char(at));
    if (used + more + 1 > columns)
      break;
    cut.append(at, static_cast<const char *>(g_utf8_next_char(at)));
    used += more;
  }
  if (used < columns) {
    cut += "\xe2\x80\xa6";  // an ellipsis
    ++used;
  }
  return cut + std::string(columns - used, ' ');
}

std::vector<std::string> table(const std::vector<ProgressRow> &rows,
                               const examples::Terminal &terminal, const Space &space) {
  const Columns columns = columns_for(space.width);
  const auto without_end = [](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
  };
  std::vector<std::string> lines = {terminal.strong(without_end(
      fitted("PARTICIPANT", columns.name) + " " + fitted("STATE", kStateColumns) +
      numbers_of("TIME", "VIDEO", "AUDIO", "LOST", "MB") + (columns.file ? "  FILE" : "")))};
  // The title, the total, and the line that the cursor is left on.
  const std::size_t room = space.height > 4 ? space.height - 3 : 1;
  const std::size_t shown = rows.size() <= room ? rows.size() : room - 1;
  for (std::size_t i = 0; i < shown; ++i)
    lines.push_back(without_end(row_line(rows[i], columns, terminal)));
  if (shown < rows.size())
    lines.push_back("and " + std::to_string(rows.size() - shown) + " more");
  const ProgressRow total = total_of(rows);
  const std::string count = std::to_string(rows.size());
  const std::string who =
      space.is_over ? "total of " + count : std::to_string(recording_of(rows)) + " of " + count;
  lines.push_back(terminal.strong(fitted(who, columns.name) + " " +
                                  fitted(space.is_over ? "" : "recording", kStateColumns) +
                                  numbers_of(total)));
  return lines;
}

std::string total_line(const std::vector<ProgressRow> &rows) {
  const ProgressRow total = total_of(rows);
  return std::to_string(recording_of(rows)) + " of " + std::to_string(rows.size()) +
         " participants recorded, " + std::to_string(total.video) + " video and " +
         std::to_string(total.audio) + " audio frames, " + std::to_string(total.lost) + " lost, " +
         megabytes(total.bytes) + " MB" + key_trouble(rows);
}

std::string key_trouble(const std::vector<ProgressRow> &rows) {
  const auto has_trouble = [](const ProgressRow &row) { return row.key != nullptr; };
  const auto first = std::ranges::find_if(rows, has_trouble);
  if (first == rows.end())
    return "";
  const auto others = std::count_if(first + 1, rows.end(), has_trouble);
  return "; " + first->identity + ": " + first->key->reason +
         (others > 0 ? " (and " + std::to_string(others) + " more)" : "");
}

std::string json_line(const std::vector<ProgressRow> &rows, seconds since_start) {
  std::vector<JsonWriter> participants;
  for (const ProgressRow &row : rows) {
    JsonWriter participant({{"identity", row.identity},
                            {"state", row.state},
                            {"seconds", std::int64_t{row.time.count()}},
                            {"video", json_unsigned(row.video)},
                            {"audio", json_unsigned(row.audio)},
                            {"lost", json_unsigned(row.lost)},
                            {"bytes", json_unsigned(row.bytes)},
                            {"file", row.file}});
    if (row.key)
      participant.set("reason", std::string(row.key->reason));
    participants.push_back(std::move(participant));
  }
  JsonWriter progress({{"event", std::string("progress")},
                       {"time", time_text(g_get_real_time())},
                       {"seconds", std::int64_t{since_start.count()}}});
  return progress.set("participants", participants).line();
}

}  // namespace progress_text

// ---- printing -----------------------------------------------------------------------------------

Progress::Progress(Style style) : style_(style) {}

Progress::~Progress() {
  terminal_.end_progress();
}

void Progress::print_json(const std::vector<ProgressRow> &rows) {
  const auto since = std::chrono::floor<seconds>(std::chrono::steady_clock::now() - started_);
  printf("%s\n", progress_text::json_line(rows, since).c_str());
  fflush(stdout);
}

void Progress::show(const std::vector<ProgressRow> &rows) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_)
    return;
  if (style_ == Style::kJson) {
    print_json(rows);
    next_ = now + kJsonEvery;
  } else if (terminal_.rewrites()) {
    const examples::Terminal::Size size = terminal_.size();
    terminal_.rewrite(progress_text::table(rows, terminal_, {size.columns, size.rows}));
    next_ = now + kTableEvery;
  } else {
    printf("%s\n", progress_text::total_line(rows).c_str());
    fflush(stdout);
    next_ = now + kLineEvery;
  }
}

void Progress::tell(const std::string &text, const std::string &event, const JsonFields &fields) {
  if (style_ == Style::kPeople) {
    if (text.empty())
      return;
    terminal_.end_progress();
    printf("%s\n", progress_text::harmless(text).c_str());
    next_ = terminal_.rewrites() ? decltype(next_){} : next_;  // the table comes back below
  } else {
    JsonWriter told({{"event", event}, {"time", time_text(g_get_real_time())}});
    for (const auto &[name, value] : fields)
      told.set(name, value);
    printf("%s\n", told.line().c_str());
  }
  fflush(stdout);
}

void Progress::complain(const std::string &text) {
  terminal_.end_progress();
  fflush(stdout);
  fprintf(stderr, "e2ee-recorder: %s\n", progress_text::harmless(text).c_str());
}

void Progress::finish(const std::vector<ProgressRow> &rows) {
  next_ = std::chrono::steady_clock::time_point::max();
  if (style_ == Style::kJson) {
    print_json(rows);
    return;
  }
  terminal_.end_progress();
  if (rows.empty())
    return;
  for (const std::string &line :
       progress_text::table(rows, terminal_, {terminal_.size().columns, ~0U, true}))
    printf("%s\n", line.c_str());
  fflush(stdout);
}

}  // namespace recorder
