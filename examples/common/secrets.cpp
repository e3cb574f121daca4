// SPDX-License-Identifier: LGPL-2.1-or-later
#include "secrets.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "program.h"

namespace examples {

std::string read_secret(const std::string &file) {
  if (file.empty())
    return "";
  Error error;
  char *text = nullptr;
  g_file_get_contents(file.c_str(), &text, nullptr, error.out());
  error.check<Refused>(file);
  const CharPtr owned(text);
  std::string line(text);
  line.resize(std::min(line.find('\n'), line.size()));
  if (line.ends_with('\r'))
    line.pop_back();
  if (line.find_first_not_of(" \t") == std::string::npos)
    throw Refused(file + ": its first line is empty: write there what the file is for");
  return line;
}

std::string credential_path(const std::string &name) {
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  if (!folder || !*folder)
    throw Refused("there is no systemd credential " + name +
                  ": start this as a service with LoadCredential=" + name + ":FILE");
  if (name.empty() || name.find('/') != std::string::npos)
    throw Refused("\"" + name + "\" is no name of a systemd credential");
  const std::string path = std::string(folder) + "/" + name;
  if (access(path.c_str(), R_OK) != 0)
    throw Refused("systemd credential " + name + ": " + strerror(errno) +
                  "; add LoadCredential=" + name + ":FILE to the service");
  return path;
}

std::string file_or_credential(const std::string &given) {
  const bool is_name = !given.empty() && given.find('/') == std::string::npos;
  return is_name && !g_file_test(given.c_str(), G_FILE_TEST_EXISTS) &&
                 g_getenv("CREDENTIALS_DIRECTORY") != nullptr
             ? credential_path(given)
             : given;
}

std::string without_passwords(const std::string &text) {
  std::string shown = text;
  for (const auto &[pattern, instead] :
       {std::pair{"(://)[^/\\s\"]+@", "\\1(hidden)@"},
        std::pair{"\\b(user-pw|password)\\s*=\\s*(\"[^\"]*\"|\\S+)", "\\1=(hidden)"}}) {
    GRegex *regex = g_regex_new(pattern, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, nullptr);
    const CharPtr replaced(
        g_regex_replace(regex, shown.c_str(), -1, 0, instead, G_REGEX_MATCH_DEFAULT, nullptr));
    g_regex_unref(regex);
    shown = replaced ? replaced.get() : "(hidden)";
  }
  return shown;
}

}  // namespace examples
