// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "common/terminal.h"
#include "key_state.h"

namespace recorder {

using namespace examples;

// What is shown of one participant: names and counters as in RecordingCounts.
struct ProgressRow {
  std::string identity;
  std::string state;              // or that of the key, where it keeps frames from being recorded
  const KeyState *key = nullptr;  // that, or null
  std::chrono::seconds time{0};   // of the present file
  std::uint64_t video = 0, audio = 0;
  std::uint64_t lost = 0;
  std::uint64_t bytes = 0;
  std::string file;
};

// What is printed while recordings go on: a table that is rewritten in place on a terminal, a line
// every ten seconds elsewhere, lines of JSON for machines.
class Progress {
 public:
  enum class Style { kPeople, kJson };

  explicit Progress(Style style);
  ~Progress();

  // As often as one likes; it is printed when due.
  void show(const std::vector<ProgressRow> &rows);
  // Something that happened. For people `text`, for machines an object of `event` and `fields`.
  void tell(const std::string &text, const std::string &event, const JsonFields &fields);
  // Something that ends the program, on standard error.
  void complain(const std::string &text);
  // Prints the last figures: later ones, of a recorder that waits for the SFU's farewell, are not
  // shown.
  void finish(const std::vector<ProgressRow> &rows);

 private:
  void print_json(const std::vector<ProgressRow> &rows);

  const Style style_;
  examples::Terminal terminal_;
  std::chrono::steady_clock::time_point next_{};
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// What of it has no terminal in it.
namespace progress_text {

using examples::harmless;

// Cut or filled to this many columns, wide characters taken as two.
std::string fitted(const std::string &text, unsigned columns);

struct Space {
  unsigned width, height;
  bool is_over = false;  // nothing is recorded any more
};
// Title, rows, "and N more" where the height does not do for all, total.
std::vector<std::string> table(const std::vector<ProgressRow> &rows,
                               const examples::Terminal &terminal, const Space &space);
std::string total_line(const std::vector<ProgressRow> &rows);
// Whose frames cannot be decrypted, and why; empty: nobody's.
std::string key_trouble(const std::vector<ProgressRow> &rows);
std::string json_line(const std::vector<ProgressRow> &rows, std::chrono::seconds since_start);

}  // namespace progress_text

}  // namespace recorder
