// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

namespace examples {
namespace {

constexpr std::chrono::milliseconds kLineEvery{3000};
constexpr std::chrono::milliseconds kRewriteEvery{250};

}  // namespace

Terminal::Terminal() : is_terminal_(isatty(STDOUT_FILENO)) {
  const char *no_color = getenv("NO_COLOR");
  colours_ = is_terminal_ && !(no_color && *no_color);
}

void Terminal::progress(const std::string &text) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_line_)
    return;
  printf(is_terminal_ ? "\r\033[K%s" : "%s\n", text.c_str());
  line_open_ = is_terminal_;
  next_line_ = now + (is_terminal_ ? kRewriteEvery : kLineEvery);
  fflush(stdout);
}

void Terminal::end_progress() {
  if (line_open_)
    printf("\r\033[K");
  line_open_ = false;
  fflush(stdout);
}

std::string Terminal::coloured(const char *code, const std::string &text) const {
  return colours_ ? code + text + "\033[0m" : text;
}

}  // namespace examples
