/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "errortext.h"

#include <glib.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace e2ee {

namespace {

constexpr const char *kSuffixes[] = {".b64", ".bin", ".conf", ".hex", ".ini", ".key", ".txt"};

// How many letters have to be put in, left out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

bool has_suffix(const std::string &path) {
  return std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                     [&](const char *suffix) { return g_str_has_suffix(path.c_str(), suffix); });
}

// Keys and passphrases that a program made have capital letters, `+` or `=` as well.
bool is_plain(const std::string &path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return g_ascii_islower(c) || g_ascii_isdigit(c) || (c != '\0' && strchr("/._-", c) != nullptr);
  });
}

}  // namespace

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  return text;
}

bool is_nearly(std::string_view name, const std::vector<std::string> &names) {
  constexpr std::size_t kLongest = 64;  // nobody's name
  return name.size() <= kLongest &&
         std::any_of(names.begin(), names.end(), [&](const std::string &known) {
           return distance(name, known) <= std::min<std::size_t>(2, known.size() / 3);
         });
}

bool is_path(const std::string &path) {
  for (const char *front : {"~/", "./", "../"}) {
    if (path.rfind(front, 0) == 0)
      return true;
  }
  const std::size_t slash = path.rfind('/');
  if (is_plain(path) && (slash != path.npos || has_suffix(path)))
    return true;
  // The root is there for every key that begins with a slash.
  const std::string folder = path.substr(0, slash == path.npos ? 0 : slash);
  return g_file_test(path.c_str(), G_FILE_TEST_EXISTS) ||
         (!folder.empty() && g_file_test(folder.c_str(), G_FILE_TEST_IS_DIR));
}

}  // namespace e2ee
