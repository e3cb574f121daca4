// SPDX-License-Identifier: LGPL-2.1-or-later
#include "names.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "matroska.h"

namespace recorder {

namespace {

constexpr std::size_t kLongest = 100;
constexpr std::size_t kHashDigits = 32;
constexpr int kMostOfOneName = 100000;

bool stays(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '@' ||
         (c == '-' && !first);  // programs would take it for an option
}

std::string hash_of(const std::string &text) {
  const examples::CharPtr digest{g_compute_checksum_for_data(
      G_CHECKSUM_SHA256, reinterpret_cast<const guchar *>(text.data()), text.size())};
  return std::string{digest.get()}.substr(0, kHashDigits);
}

bool exists(int folder, const std::string &name) {
  struct stat status;
  return fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

std::string escape_identity(const std::string &identity) {
  if (identity.empty())
    return "%";  // no other identity gives this

  std::string name;
  for (const char c : identity) {
    const bool plain = stays(c, name.empty());
    if (name.size() + (plain ? 1 : 3) > kLongest)
      return name + '~' + hash_of(identity);
    if (plain) {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      name += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
    }
  }
  return name;
}

CreatedFile create_file(int folder, const std::string &stem, const std::string &extension,
                        const std::string &beside) {
  for (int number = 1; number <= kMostOfOneName; number++) {
    const std::string name =
        stem + (number == 1 ? "" : "." + std::to_string(number)) + "." + extension;
    if (!beside.empty() && exists(folder, name + beside))
      continue;
    const int fd =
        openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
      return {fd, name};
    if (errno != EEXIST)
      throw WriteFailure("cannot create " + name, errno);
  }
  throw Failure("cannot create " + stem + "." + extension + ": " + std::to_string(kMostOfOneName) +
                " files of this name are in the folder, move them away");
}

int sync_folder(int folder, const char *path) {
  const int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  const int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  close(fd);
  return error;
}

std::string now_text() {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  const examples::CharPtr text(g_date_time_format(now, "%Y%m%dT%H%M%SZ"));
  return text.get();
}

}  // namespace recorder
