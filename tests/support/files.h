/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Files that are there for a test.
#pragma once

#include <string>
#include <vector>

namespace e2ee::test {

/// Gone at the end, with all that is in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  const std::string &path() const { return path_; }
  std::string operator/(const std::string &name) const { return path_ + "/" + name; }
  /// What is in it, sorted.
  std::vector<std::string> names() const;
  /// The folder itself, open for reading.
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_;
};

std::string read_file(const std::string &path);

/// In place; only we can read it unless `mode` says otherwise.
void write_file(const std::string &path, const std::string &contents, unsigned mode = 0600);
/// By renaming a new file over it, as whoever changes a watched file should.
void replace_file(const std::string &path, const std::string &contents);

/// What a key file of raw bytes may hold; raw_provider() has the same key.
inline std::string raw(char fill) {
  return std::string(32, fill);
}

/// A file in a folder of its own.
class KeyFile {
 public:
  KeyFile(const std::string &name, const std::string &contents, unsigned mode = 0600)
      : path_(folder_ / name) {
    write_file(path_, contents, mode);
  }
  const std::string &path() const { return path_; }
  void replace(const std::string &contents) const { replace_file(path_, contents); }

 private:
  Folder folder_;
  std::string path_;
};

}  // namespace e2ee::test
