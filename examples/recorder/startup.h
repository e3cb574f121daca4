// SPDX-License-Identifier: LGPL-2.1-or-later
// What a recorder needs of this machine before it begins. All of it throws Refused.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

#include "options.h"
#include "receive.h"

namespace recorder {

// Descriptor of the output folder, made if it is missing.
class Folder {
 public:
  explicit Folder(const std::string &path);
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// The first line of a file that holds a secret; empty when no file is named.
std::string read_line(const std::string &file);

// The certificates in a PEM file; null when no file is named.
std::shared_ptr<GTlsDatabase> read_certificates(const std::string &file);

// A file, or the name of a systemd credential.
std::string key_path(const std::string &given);

std::string now_text();  // for names of files

// Without the provider. Running time begins now.
ReceiveSettings receive_settings(const Options &options);

}  // namespace recorder
