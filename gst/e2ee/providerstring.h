/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The string form of key providers: "kind,field=value,field=value".
#pragma once

#include <glib.h>

#include <string>

namespace e2ee {

struct ProviderText {
  std::string kind;
  bool lacks_kind = false;       // it begins with a field, whose name is in `kind`
  GHashTable *fields = nullptr;  // owned; its values are wiped when freed

  ProviderText();
  ~ProviderText();
  ProviderText(const ProviderText &) = delete;
  ProviderText &operator=(const ProviderText &) = delete;
};

/// Splits `text`, up to its first word when the kind is lacking. The error names the field or the
/// position and never a value.
bool parse_provider_text(const char *text, ProviderText &parsed, GError **error);

}  // namespace e2ee
