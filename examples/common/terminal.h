// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace examples {

// Text from elsewhere, for a terminal: control characters, escape sequences and marks that turn the
// direction of text around become visible, invalid UTF-8 a replacement character.
std::string harmless(const std::string &text);
// "2.5 s"
std::string seconds_text(std::chrono::milliseconds time);

// Colours, when the output is a terminal and the user did not ask for none (NO_COLOR).
class Terminal {
 public:
  Terminal();
  ~Terminal() { end_progress(); }
  Terminal(const Terminal &) = delete;
  Terminal &operator=(const Terminal &) = delete;

  std::string good(const std::string &text) const { return coloured("\033[32m", text); }
  std::string bad(const std::string &text) const { return coloured("\033[31m", text); }
  std::string strong(const std::string &text) const { return coloured("\033[1m", text); }

  // One line that is rewritten in place on a terminal, a new line every few seconds elsewhere.
  void progress(const std::string &text);

  // Whether lines can be rewritten in place, and on how large a screen.
  bool rewrites() const { return is_terminal_; }
  struct Size {
    unsigned columns;
    unsigned rows;
  };
  Size size() const;
  // Several lines, none wider than the screen and all together not higher, in place of those that
  // were written last.
  void rewrite(const std::vector<std::string> &lines);

  // Takes what is rewritten in place away.
  void end_progress();

 private:
  std::string back_up() const;
  std::string coloured(const char *code, const std::string &text) const;

  bool is_terminal_;
  bool colours_;
  bool line_open_ = false;
  unsigned lines_ = 0;  // above the cursor, to be rewritten
  std::chrono::steady_clock::time_point next_line_{};
};

}  // namespace examples
