// SPDX-License-Identifier: LGPL-2.1-or-later
// What tests of the recorder's parts share: lines, keys to sign with.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/files.h"

namespace recorder {

using e2ee::test::Folder;
using e2ee::test::read_file;
using e2ee::test::replace_file;
using e2ee::test::write_file;

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
