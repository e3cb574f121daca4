// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notify.h"

#include <glib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace examples {

void notify(const std::string &state) {
  const char *path = g_getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
    return;
  memcpy(address.sun_path, path, strlen(path));
  if (path[0] == '@')  // one without a file
    address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path));
  // A manager that does not listen is no reason to fail.
  [[maybe_unused]] const ssize_t sent =
      sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<const sockaddr *>(&address), size);
  close(fd);
}

void notify_status(std::string text) {
  for (char &letter : text)
    if (g_ascii_iscntrl(letter))
      letter = ' ';
  notify("STATUS=" + text);
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  const char *limit = g_getenv("WATCHDOG_USEC"), *pid = g_getenv("WATCHDOG_PID");
  guint64 microseconds = 0, process = 0;
  if (!limit || !g_ascii_string_to_unsigned(limit, 10, 1, G_MAXINT64, &microseconds, nullptr))
    return std::nullopt;
  if (pid && (!g_ascii_string_to_unsigned(pid, 10, 1, G_MAXINT64, &process, nullptr) ||
              process != static_cast<guint64>(getpid())))
    return std::nullopt;
  return std::chrono::milliseconds(microseconds / 2000);
}

}  // namespace examples
