// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

// Files that hold a secret, and where systemd puts them.
namespace examples {

// The first line of a file; empty when `file` is. Throws Refused, also when that line is empty.
std::string read_secret(const std::string &file);

// Where systemd put the credential NAME of LoadCredential=. Throws Refused when there is none.
std::string credential_path(const std::string &name);

// A file as it is, or the name of a systemd credential.
std::string file_or_credential(const std::string &given);

// Text for people in which passwords of addresses (scheme://user:password@host) and of GStreamer
// properties (user-pw=, password=) do not show.
std::string without_passwords(const std::string &text);

}  // namespace examples
