/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keysource.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/clock.h"
#include "errors.h"
#include "errortext.h"
#include "keytext.h"

namespace e2ee {

const char *const kSecretFields[] = {"passphrase",    "passphrase-file", "passphrase-env",
                                     "passphrase-fd", "key-file",        nullptr};

namespace {

constexpr std::size_t kMaxSecret = 64 * 1024;
// For what is no file, such as a FIFO that a program writes to which asks for a PIN first.
constexpr std::chrono::seconds kInputPatience{60};
constexpr int kLookMs = 100;

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

bool fail_to_read(GError **error, const std::string &label, int code) {
  return fail(error, GST_E2EE_ERROR_IO, "%s: cannot be read: %s", label.c_str(), g_strerror(code));
}

// Also waits until a FIFO has a writer: to poll() one that never had any is not at its end.
bool wait_for_input(int fd, Clock::time_point until) {
  pollfd input{fd, POLLIN, 0};
  while (poll(&input, 1, kLookMs) <= 0) {
    if (Clock::now() >= until)
      return false;
  }
  return true;
}

// Reads to the end straight into locked memory, if need be until that time.
bool read_all(int fd, const std::string &label, std::optional<Clock::time_point> until,
              Secret &secret, GError **error) {
  Secret buffer(kMaxSecret + 1);
  std::size_t size = 0;
  while (size <= kMaxSecret) {
    if (until && !wait_for_input(fd, *until))
      return fail_to_read(error, label, ETIMEDOUT);
    const ssize_t got = read(fd, buffer.span().data() + size, kMaxSecret + 1 - size);
    if (got < 0 && (errno == EINTR || (until && errno == EAGAIN)))
      continue;
    if (got < 0)
      return fail_to_read(error, label, errno);
    if (got == 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxSecret)
    return fail(error, GST_E2EE_ERROR_LIMIT,
                "%s: holds more than %" G_GSIZE_FORMAT " bytes: that is not a key", label.c_str(),
                kMaxSecret);
  if (size == 0)
    return fail(error, GST_E2EE_ERROR_INVALID_KEY, "%s: is empty", label.c_str());
  secret = Secret(buffer.view().first(size));
  return true;
}

// Puts where the secret comes from in front of what the material said was wrong.
MaterialPtr labelled(const std::string &label, MaterialPtr material, GError **error) {
  if (!material)
    g_prefix_error(error, "%s: ", label.c_str());
  return material;
}

MaterialPtr from_key_file(const char *path, guint64 key_id, std::vector<std::string> &notices,
                          GError **error) {
  const std::string label = std::string("key-file: ") + path;
  Secret bytes;
  if (!read_secret_file(path, label, bytes, notices, error))
    return nullptr;
  if (g_str_has_suffix(path, ".hex"))
    return labelled(label, material_from_hex(bytes.view(), key_id, error), error);
  if (g_str_has_suffix(path, ".b64"))
    return labelled(label, material_from_base64(bytes.view(), key_id, error), error);
  if (const char *suffix = suffix_for(bytes.view()))
    notices.push_back(label + ": looks like a key written as text, and is used as raw bytes; if " +
                      (g_str_equal(suffix, ".hex") ? "its hex digits" : "its base64") +
                      " are the key, let the name end in " + suffix);
  return labelled(label, material_from_bytes(bytes.view(), key_id, error), error);
}

MaterialPtr from_text(const std::string &label, ByteView text, guint64 key_id,
                      std::vector<std::string> &notices, GError **error) {
  note_white_end(label, text, notices);
  return labelled(label, material_from_passphrase(text, key_id, error), error);
}

MaterialPtr from_environment(const char *name, guint64 key_id, std::vector<std::string> &notices,
                             GError **error) {
  const char *value = getenv(name);
  if (value == nullptr) {
    fail(error, GST_E2EE_ERROR_NOT_FOUND,
         "passphrase-env: there is no environment variable of this name; give its name without $, "
         "and export it");
    return nullptr;
  }
  return from_text("passphrase-env", bytes_of(value), key_id, notices, error);
}

MaterialPtr from_descriptor(const char *number, guint64 key_id, std::vector<std::string> &notices,
                            GError **error) {
  guint64 fd = 0;
  if (!parse_number("passphrase-fd", number, G_MAXINT, fd, error))
    return nullptr;
  const std::string label = "passphrase-fd: " + std::to_string(fd);
  Secret text;
  if (!read_all(static_cast<int>(fd), label, std::nullopt, text, error))
    return nullptr;
  return from_text(label, without_newline(without_bom(text.view())), key_id, notices, error);
}

MaterialPtr from_passphrase_file(const char *path, guint64 key_id,
                                 std::vector<std::string> &notices, GError **error) {
  const std::string label = std::string("passphrase-file: ") + path;
  Secret text;
  if (!read_secret_file(path, label, text, notices, error))
    return nullptr;
  return from_text(label, without_newline(without_bom(text.view())), key_id, notices, error);
}

}  // namespace

bool read_secret_file(const char *path, const std::string &label, Secret &secret,
                      std::vector<std::string> &notices, GError **error) {
  Fd fd(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO may have no writer yet
  struct stat info;
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0)
    return fail_to_read(error, label, errno);
  if (S_ISDIR(info.st_mode))
    return fail_to_read(error, label, EISDIR);
  if (S_ISREG(info.st_mode) && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    notices.push_back(label + ": other users can read this file; chmod 600 keeps the key to you");
  std::optional<Clock::time_point> until;
  if (!S_ISREG(info.st_mode))
    until = Clock::now() + kInputPatience;
  return read_all(fd.get(), label, until, secret, error);
}

std::optional<ProcessHash> hash_of_file(const char *path, const std::string &label,
                                        GError **error) {
  struct stat info;
  if (stat(path, &info) != 0) {
    fail_to_read(error, label, errno);
    return std::nullopt;
  }
  if (!S_ISREG(info.st_mode)) {
    fail(error, GST_E2EE_ERROR_IO, "%s: is not a regular file", label.c_str());
    return std::nullopt;
  }
  Secret content;
  std::vector<std::string> notices;
  if (!read_secret_file(path, label, content, notices, error))
    return std::nullopt;
  return process_hash(content.view(), Hashed::file);
}

bool find_path(const char *field, const std::string &written, std::string &path, GError **error) {
  if (is_path(written)) {
    path = written.rfind("~/", 0) == 0 ? g_get_home_dir() + written.substr(1) : written;
    return true;
  }
  if (written.empty())
    return fail(error, GST_E2EE_ERROR_IO, "%s: is empty; give the name of a file", field);
  g_autofree gchar *here = g_get_current_dir();
  const bool absolute = g_path_is_absolute(written.c_str());
  return fail(error, GST_E2EE_ERROR_IO,
              "%s: there is no file of this name%s%s; give the name of a file, not the secret",
              field, absolute ? "" : " in ", absolute ? "" : here);
}

void note_white_end(const std::string &label, ByteView passphrase,
                    std::vector<std::string> &notices) {
  if (ends_in_white_space(passphrase))
    notices.push_back(label +
                      ": the passphrase ends in a blank or a newline, which is part of it; take "
                      "that out if it is not meant");
}

MaterialPtr material_from_hex(ByteView text, guint64 key_id, GError **error) {
  Secret raw;
  if (decode_hex(without_bom(text), raw))
    return material_from_bytes(raw.view(), key_id, error);
  fail(error, GST_E2EE_ERROR_PARSE, "must be hex digits, two for each byte");
  return nullptr;
}

MaterialPtr material_from_base64(ByteView text, guint64 key_id, GError **error) {
  Secret raw;
  if (decode_base64(without_bom(text), raw))
    return material_from_bytes(raw.view(), key_id, error);
  fail(error, GST_E2EE_ERROR_PARSE, "must be base64");
  return nullptr;
}

bool parse_number(const char *field, const char *value, guint64 max, guint64 &number,
                  GError **error) {
  if (g_ascii_string_to_unsigned(value, 10, 0, max, &number, nullptr))
    return true;
  return fail(error, GST_E2EE_ERROR_PARSE,
              "%s: must be a whole number from 0 to %" G_GUINT64_FORMAT, field, max);
}

MaterialPtr read_secret(const char *field, const char *value, guint64 key_id,
                        std::vector<std::string> &notices, GError **error) {
  const std::string_view name = field;
  if (name == "passphrase-file")
    return from_passphrase_file(value, key_id, notices, error);
  if (name == "passphrase-env")
    return from_environment(value, key_id, notices, error);
  if (name == "passphrase-fd")
    return from_descriptor(value, key_id, notices, error);
  if (name == "key-file")
    return from_key_file(value, key_id, notices, error);
  notices.push_back(
      "passphrase: is visible to all users of this machine and in logs when given on a command "
      "line; use passphrase-file for anything but tests");
  return labelled(field, material_from_passphrase(bytes_of(value), key_id, error), error);
}

}  // namespace e2ee
