// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

namespace examples {

// Colours, when the output is a terminal and the user did not ask for none (NO_COLOR).
class Terminal {
 public:
  Terminal();

  std::string good(const std::string &text) const { return coloured("\033[32m", text); }
  std::string bad(const std::string &text) const { return coloured("\033[31m", text); }
  std::string strong(const std::string &text) const { return coloured("\033[1m", text); }

  // One line that is rewritten in place on a terminal, a new line every few seconds elsewhere.
  void progress(const std::string &text);
  void end_progress();

 private:
  std::string coloured(const char *code, const std::string &text) const;

  bool is_terminal_;
  bool colours_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point next_line_{};
};

}  // namespace examples
