/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keysource.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace e2ee {

const char *const kSecretFields[] = {"passphrase",    "passphrase-file", "passphrase-env",
                                     "passphrase-fd", "key-file",        nullptr};

namespace {

constexpr std::size_t kMaxSecret = 64 * 1024;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0)
      close(fd_);
  }
  Fd(const Fd &) = delete;
  Fd &operator=(const Fd &) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void set_io_error(GError **error, const char *field, int code) {
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_IO, "%s: cannot be read: %s", field,
              g_strerror(code));
}

// Reads to the end straight into locked memory.
bool read_all(int fd, const char *field, Secret &secret, GError **error) {
  Secret buffer(kMaxSecret + 1);
  std::size_t size = 0;
  while (size <= kMaxSecret) {
    const ssize_t got = read(fd, buffer.span().data() + size, kMaxSecret + 1 - size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      set_io_error(error, field, errno);
      return false;
    }
    if (got == 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxSecret) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_LIMIT,
                "%s: holds more than %" G_GSIZE_FORMAT " bytes: that is not a key", field,
                kMaxSecret);
    return false;
  }
  if (size == 0) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_KEY, "%s: is empty", field);
    return false;
  }
  secret = Secret(buffer.view().first(size));
  return true;
}

ByteView without_newline(ByteView text) {
  if (!text.empty() && text.back() == '\n')
    text = text.first(text.size() - 1);
  if (!text.empty() && text.back() == '\r')
    text = text.first(text.size() - 1);
  return text;
}

// Hex digits, white space between them ignored. False on anything else or an odd number.
bool parse_hex(ByteView text, Secret &bytes) {
  Secret digits(text.size());
  std::size_t n = 0;
  for (std::uint8_t c : text) {
    if (g_ascii_isspace(static_cast<gchar>(c)))
      continue;
    const gint digit = g_ascii_xdigit_value(static_cast<gchar>(c));
    if (digit < 0)
      return false;
    digits.span()[n++] = static_cast<std::uint8_t>(digit);
  }
  if (n == 0 || n % 2 != 0)
    return false;
  bytes = Secret(n / 2);
  for (std::size_t i = 0; i < n / 2; ++i)
    bytes.span()[i] =
        static_cast<std::uint8_t>(digits.view()[2 * i] << 4 | digits.view()[2 * i + 1]);
  return true;
}

// Puts the field's name in front of what the material said was wrong.
MaterialPtr named(const char *field, MaterialPtr material, GError **error) {
  if (!material)
    g_prefix_error(error, "%s: ", field);
  return material;
}

MaterialPtr from_key_file(const char *path, guint64 key_id, std::vector<std::string> &notices,
                          GError **error) {
  Secret bytes;
  if (!read_secret_file(path, "key-file", bytes, notices, error))
    return nullptr;
  return named("key-file",
               g_str_has_suffix(path, ".hex") ? material_from_hex(bytes.view(), key_id, error)
                                              : material_from_bytes(bytes.view(), key_id, error),
               error);
}

MaterialPtr from_environment(const char *name, guint64 key_id, GError **error) {
  const char *value = getenv(name);
  if (value == nullptr) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_NOT_FOUND,
                        "passphrase-env: there is no such environment variable");
    return nullptr;
  }
  return named("passphrase-env", material_from_passphrase(bytes_of(value), key_id, error), error);
}

}  // namespace

bool read_secret_file(const char *path, const char *field, Secret &secret,
                      std::vector<std::string> &notices, GError **error) {
  Fd fd(open(path, O_RDONLY | O_CLOEXEC));
  struct stat info;
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) {
    set_io_error(error, field, errno);
    return false;
  }
  if (S_ISDIR(info.st_mode)) {
    set_io_error(error, field, EISDIR);
    return false;
  }
  if (S_ISREG(info.st_mode) && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    notices.push_back(std::string(field) +
                      ": other users can read this file; chmod 600 keeps the key to you");
  return read_all(fd.get(), field, secret, error);
}

MaterialPtr material_from_hex(ByteView text, guint64 key_id, GError **error) {
  Secret raw;
  if (!parse_hex(text, raw)) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_PARSE,
                        "must be hex digits, two for each byte");
    return nullptr;
  }
  return material_from_bytes(raw.view(), key_id, error);
}

bool parse_number(const char *field, const char *value, guint64 max, guint64 &number,
                  GError **error) {
  if (g_ascii_string_to_unsigned(value, 10, 0, max, &number, nullptr))
    return true;
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_PARSE,
              "%s: must be a whole number from 0 to %" G_GUINT64_FORMAT, field, max);
  return false;
}

MaterialPtr read_secret(const char *field, const char *value, guint64 key_id,
                        std::vector<std::string> &notices, GError **error) {
  const std::string_view name = field;
  if (name == "passphrase") {
    notices.push_back(
        "passphrase: is visible to all users of this machine and in logs when given on a command "
        "line; use passphrase-file for anything but tests");
    return named(field, material_from_passphrase(bytes_of(value), key_id, error), error);
  }
  if (name == "passphrase-env")
    return from_environment(value, key_id, error);
  if (name == "key-file")
    return from_key_file(value, key_id, notices, error);

  Secret text;
  if (name == "passphrase-fd") {
    guint64 fd = 0;
    if (!parse_number(field, value, G_MAXINT, fd, error) ||
        !read_all(static_cast<int>(fd), field, text, error))
      return nullptr;
  } else if (!read_secret_file(value, field, text, notices, error)) {
    return nullptr;
  }
  return named(field, material_from_passphrase(without_newline(text.view()), key_id, error), error);
}

}  // namespace e2ee
