/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace elements {

/// A file in a folder of its own, which only we can read; both are gone afterwards.
class KeyFile {
 public:
  KeyFile(const char *name, const std::string &contents, mode_t mode = 0600) {
    gchar *folder = g_dir_make_tmp("e2ee-test-XXXXXX", nullptr);
    EXPECT_NE(folder, nullptr);
    folder_ = folder;
    g_free(folder);
    path_ = folder_ + "/" + name;
    EXPECT_TRUE(g_file_set_contents(path_.c_str(), contents.data(),
                                    static_cast<gssize>(contents.size()), nullptr));
    EXPECT_EQ(g_chmod(path_.c_str(), static_cast<int>(mode)), 0);
  }
  ~KeyFile() {
    g_unlink(path_.c_str());
    g_rmdir(folder_.c_str());
  }
  KeyFile(const KeyFile &) = delete;
  KeyFile &operator=(const KeyFile &) = delete;

  const std::string &path() const { return path_; }

  /// By renaming a new file over it.
  void replace(const std::string &contents) const {
    const std::string next = path_ + ".next";
    const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    EXPECT_EQ(::write(fd, contents.data(), contents.size()), static_cast<ssize_t>(contents.size()));
    ::close(fd);
    EXPECT_EQ(g_rename(next.c_str(), path_.c_str()), 0);
  }

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace elements
