// SPDX-License-Identifier: LGPL-2.1-or-later
#include "terminal.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gst_ptr.h"

namespace examples {
namespace {

constexpr std::chrono::milliseconds kLineEvery{3000};
constexpr std::chrono::milliseconds kRewriteEvery{250};

}  // namespace

std::string seconds_text(std::chrono::milliseconds time) {
  const CharPtr text(g_strdup_printf("%.1f s", static_cast<double>(time.count()) / 1000));
  return text.get();
}

std::string harmless(const std::string &text) {
  const CharPtr valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
  std::string shown;
  for (const char *at = valid.get(); *at; at = g_utf8_next_char(at)) {
    const gunichar letter = g_utf8_get_char(at);
    const GUnicodeType type = g_unichar_type(letter);
    if (g_unichar_isprint(letter) && type != G_UNICODE_FORMAT && type != G_UNICODE_LINE_SEPARATOR &&
        type != G_UNICODE_PARAGRAPH_SEPARATOR) {
      shown.append(at, static_cast<const char *>(g_utf8_next_char(at)));
    } else {
      const CharPtr code(g_strdup_printf("<U+%04X>", letter));
      shown += code.get();
    }
  }
  return shown;
}

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

Terminal::Size Terminal::size() const {
  winsize found{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0 || found.ws_row == 0)
    return {80, 24};
  return {found.ws_col, found.ws_row};
}

void Terminal::rewrite(const std::vector<std::string> &lines) {
  // One write, lines overwritten rather than cleared first: nothing flickers. Lines that are too
  // wide after the window was made narrower are cut by the terminal, not wrapped.
  std::string text = "\033[?7l" + back_up();
  for (const std::string &line : lines)
    text += line + "\033[K\n";
  text += "\033[J\033[?7h";
  fwrite(text.data(), 1, text.size(), stdout);
  lines_ = static_cast<unsigned>(lines.size());
  fflush(stdout);
}

std::string Terminal::back_up() const {
  return lines_ ? "\r\033[" + std::to_string(lines_) + "A" : "";
}

void Terminal::end_progress() {
  if (line_open_)
    printf("\r\033[K");
  if (lines_)
    printf("%s\033[J", back_up().c_str());
  line_open_ = false;
  lines_ = 0;
  fflush(stdout);
}

std::string Terminal::coloured(const char *code, const std::string &text) const {
  return colours_ ? code + text + "\033[0m" : text;
}

}  // namespace examples
