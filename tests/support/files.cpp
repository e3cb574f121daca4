/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace e2ee::test {

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "e2ee-test-XXXXXX").string()) {
  EXPECT_NE(mkdtemp(path_.data()), nullptr) << path_;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
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
