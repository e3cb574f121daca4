// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "common/gst_ptr.h"

namespace recorder {

using examples::Failure;

// A file name for an identity that came over the network: small letters, digits, '_', '@' and '-'
// (not in front) stay, every other byte becomes %XX, cut to 100 characters with a hash behind it.
// Capitals are escaped too, so different identities never give the same name, on file systems that
// ignore case either. Never empty, never hidden.
std::string escape_identity(const std::string &identity);

std::string now_text();  // as in 20260704T073015Z

struct CreatedFile {
  int fd;
  std::string name;  // in the folder
};
// Makes STEM.EXTENSION, or STEM.2.EXTENSION and so on: mode 0600, never an existing one, no links
// followed. Names are passed over when NAME + `beside` exists. Throws Failure,
// a WriteFailure where the disk refuses.
CreatedFile create_file(int folder, const std::string &stem, const std::string &extension,
                        const std::string &beside = {});

// Names last through a power cut only when the folder is on the disk as well. `path`: from
// `folder`, or of itself with AT_FDCWD. Answers errno, 0 also where the file system cannot do it.
int sync_folder(int folder, const char *path);

}  // namespace recorder
