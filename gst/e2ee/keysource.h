/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where secrets named in a provider string are read from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/processhash.h"
#include "material-private.h"

namespace e2ee {

/// Field names of the string form that name a secret.
extern const char *const kSecretFields[];

/// Material from the secret that `field` and `value` name; a file by what find_path() found. Errors
/// say the field, the file and the reason, never a secret. What the user should be told goes to
/// `notices`.
MaterialPtr read_secret(const char *field, const char *value, guint64 key_id,
                        std::vector<std::string> &notices, GError **error);

/// A file's bytes. Errors and notices begin with `label`, which names the file.
bool read_secret_file(const char *path, const std::string &label, Secret &secret,
                      std::vector<std::string> &notices, GError **error);

/// Tells what a regular file holds from what it held before. Nothing, with an error, for what
/// cannot be read twice.
std::optional<ProcessHash> hash_of_file(const char *path, const std::string &label, GError **error);

/// The path of the file that `field` names as people write it: `~/` in front is the home directory.
/// False, with an error that does not show what is there, when `written` may be a secret instead.
bool find_path(const char *field, const std::string &written, std::string &path, GError **error);

/// Tells of white space at the end of a passphrase, which is a part of it and is rarely meant.
void note_white_end(const std::string &label, ByteView passphrase,
                    std::vector<std::string> &notices);

/// Raw material from hex digits; white space between them does not count.
MaterialPtr material_from_hex(ByteView text, guint64 key_id, GError **error);
/// The same from base64.
MaterialPtr material_from_base64(ByteView text, guint64 key_id, GError **error);

/// A whole number from 0 to `max`, nothing else.
bool parse_number(const char *field, const char *value, guint64 max, guint64 &number,
                  GError **error);

}  // namespace e2ee
