// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lines.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>

#include <utility>

namespace camera {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;

}  // namespace

Lines::Lines(std::function<void(const std::string &)> take, std::function<void()> ended)
    : take_(std::move(take)),
      ended_(std::move(ended)),
      source_(g_unix_fd_add(
          STDIN_FILENO, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR),
          [](gint, GIOCondition, gpointer self) { return static_cast<Lines *>(self)->read(); },
          this)) {}

Lines::~Lines() {
  if (source_ != 0)
    g_source_remove(source_);
}

gboolean Lines::read() {
  char part[4096];
  const ssize_t size = ::read(STDIN_FILENO, part, sizeof part);
  if (size < 0 && (errno == EINTR || errno == EAGAIN))
    return G_SOURCE_CONTINUE;
  // A line without end would fill the memory.
  if (size <= 0 || begun_.size() > kLongestLine) {
    source_ = 0;
    ended_();
    return G_SOURCE_REMOVE;
  }
  begun_.append(part, static_cast<std::size_t>(size));
  for (std::size_t end; (end = begun_.find('\n')) != std::string::npos;) {
    const std::string line = begun_.substr(0, end);
    begun_.erase(0, end + 1);
    take_(line);
  }
  return G_SOURCE_CONTINUE;
}

}  // namespace camera
