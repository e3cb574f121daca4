/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace e2ee::test {

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "e2ee-test-XXXXXX").string()) {
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
  fd_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  EXPECT_GE(fd_, 0) << path_;
}

Folder::~Folder() {
  close(fd_);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string &path, const std::string &contents, unsigned mode) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << contents;
  file.close();
  EXPECT_TRUE(file) << path;
  EXPECT_EQ(chmod(path.c_str(), static_cast<mode_t>(mode)), 0) << path;
}

void replace_file(const std::string &path, const std::string &contents) {
  write_file(path + ".next", contents);
  std::filesystem::rename(path + ".next", path);
}

}  // namespace e2ee::test
