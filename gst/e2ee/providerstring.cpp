/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "providerstring.h"

#include <gst/e2ee/e2ee-enums.h>

#include <cstring>

#include "core/secret.h"
#include "errors.h"

namespace e2ee {

namespace {

void free_wiped(gpointer text) {
  char *chars = static_cast<char *>(text);
  cleanse({reinterpret_cast<std::uint8_t *>(chars), std::strlen(chars)});
  g_free(chars);
}

bool is_name_char(char c) {
  return g_ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

class Parser {
 public:
  explicit Parser(const char *text) : begin_(text), at_(text) {}

  bool parse(ProviderText &parsed, GError **error) {
    if (!name(parsed.kind))
      return fail(
          error, GST_E2EE_ERROR_PARSE,
          "a key provider starts with its kind, as in shared,passphrase-file=/run/secrets/meeting");
    if (*at_ == '=') {  // a field, then: its place is behind the kind
      parsed.lacks_kind = true;
      return true;
    }
    while (!at_end()) {
      if (!field(parsed, error))
        return false;
    }
    return true;
  }

 private:
  void blanks() {
    while (g_ascii_isspace(*at_))
      ++at_;
  }
  bool at_end() {
    blanks();
    return *at_ == '\0';
  }

  bool name(std::string &to) {
    blanks();
    while (is_name_char(*at_))
      to += *at_++;
    blanks();
    return !to.empty();
  }

  bool field(ProviderText &parsed, GError **error) {
    if (*at_ != ',')
      return fail(error, GST_E2EE_ERROR_PARSE,
                  "a comma is missing at character %d of the key provider; quote values that "
                  "contain commas or blanks with \\\"",
                  static_cast<int>(at_ - begin_) + 1);
    ++at_;
    std::string key;
    if (!name(key) || *at_ != '=')
      return fail(error, GST_E2EE_ERROR_PARSE,
                  "field=value is expected at character %d of the key provider, as in "
                  "passphrase-file=/run/secrets/meeting",
                  static_cast<int>(at_ - begin_) + 1);
    ++at_;
    blanks();
    if (g_hash_table_contains(parsed.fields, key.c_str()))
      return fail(error, GST_E2EE_ERROR_PARSE, "%s: is given twice; leave one out", key.c_str());
    GString *value = g_string_sized_new(std::strlen(at_) + 1);  // never grows: no stray copies
    const bool parsed_value =
        *at_ == '"' || (*at_ == '\\' && at_[1] == '"') ? quoted(value) : plain(value);
    g_hash_table_insert(parsed.fields, g_strdup(key.c_str()), g_string_free(value, FALSE));
    if (!parsed_value)
      fail(error, GST_E2EE_ERROR_PARSE, "%s: the closing quote is missing", key.c_str());
    return parsed_value;
  }

  // Up to the next comma, without blanks at the end.
  bool plain(GString *value) {
    const char *from = at_;
    while (*at_ != '\0' && *at_ != ',')
      ++at_;
    const char *to = at_;
    while (to > from && g_ascii_isspace(to[-1]))
      --to;
    g_string_append_len(value, from, to - from);
    return true;
  }

  // "..." or \"...\": the shell and the launch parser may or may not have taken the backslashes.
  // Inside, a backslash makes the next character an ordinary one.
  bool quoted(GString *value) {
    const bool escaped = *at_ == '\\';
    at_ += escaped ? 2 : 1;
    while (*at_ != '\0') {
      const bool closes = escaped ? at_[0] == '\\' && at_[1] == '"' : *at_ == '"';
      if (closes) {
        at_ += escaped ? 2 : 1;
        blanks();
        return true;
      }
      if (*at_ == '\\' && at_[1] != '\0')
        ++at_;
      g_string_append_c(value, *at_++);
    }
    return false;
  }

  const char *begin_;
  const char *at_;
};

}  // namespace

ProviderText::ProviderText()
    : fields(g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_wiped)) {}

ProviderText::~ProviderText() {
  g_hash_table_unref(fields);
}

bool parse_provider_text(const char *text, ProviderText &parsed, GError **error) {
  return Parser(text).parse(parsed, error);
}

}  // namespace e2ee
