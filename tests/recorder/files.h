// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of the recorder's parts share: a folder of their own, keys to sign with.
#pragma once

#include <glib.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace recorder {

/// Gone at the end, with all that is in it.
class Folder {
 public:
  Folder() {
    gchar *made = g_dir_make_tmp("e2ee-recorder-XXXXXX", nullptr);
    EXPECT_NE(made, nullptr);
    path_ = made;
    g_free(made);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  std::string operator/(const std::string &name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// In place: for files that are not watched.
inline void write_file(const std::string &path, const std::string &text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  EXPECT_EQ(chmod(path.c_str(), mode), 0);
}

/// As whoever changes a watched file should.
inline void replace_file(const std::string &path, const std::string &text) {
  write_file(path + ".new", text);
  std::filesystem::rename(path + ".new", path);
}

inline std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

inline std::string joined(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

/// A new key pair: PATH and PATH.pub.
inline void make_key_pair(const std::string &path, const char *type = "ED25519") {
  EVP_PKEY *key = EVP_PKEY_Q_keygen(nullptr, nullptr, type);
  ASSERT_NE(key, nullptr);
  FILE *file = fopen(path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
  file = fopen((path + ".pub").c_str(), "w");
  PEM_write_PUBKEY(file, key);
  fclose(file);
  EVP_PKEY_free(key);
  EXPECT_EQ(chmod(path.c_str(), 0600), 0);
}

/// The message of the Failure that `run` throws, empty when it throws none.
template <typename Run>
std::string failure_of(Run run) {
  try {
    run();
  } catch (const std::runtime_error &failure) {
    return failure.what();
  }
  return {};
}

}  // namespace recorder
