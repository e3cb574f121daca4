/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where secrets named in a provider string are read from.
#pragma once

#include <string>
#include <vector>

#include "material-private.h"

namespace e2ee {

/// Field names of the string form that name a secret.
extern const char *const kSecretFields[];

/// Material from the secret that `field` and `value` name. Errors say the field and the reason,
/// never the value. What the user should be told goes to `notices`.
MaterialPtr read_secret(const char *field, const char *value, guint64 key_id,
                        std::vector<std::string> &notices, GError **error);

/// A file's bytes. Errors as above; `field` stands for the file.
bool read_secret_file(const char *path, const char *field, Secret &secret,
                      std::vector<std::string> &notices, GError **error);

/// Raw material from hex digits; white space between them does not count.
MaterialPtr material_from_hex(ByteView text, guint64 key_id, GError **error);

/// A whole number from 0 to `max`, nothing else.
bool parse_number(const char *field, const char *value, guint64 max, guint64 &number,
                  GError **error);

}  // namespace e2ee
