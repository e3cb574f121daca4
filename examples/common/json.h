// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/gst_ptr.h"

namespace examples {

using JsonNodePtr = std::unique_ptr<JsonNode, FreeWith<&json_node_unref>>;
using JsonObjectPtr = std::unique_ptr<JsonObject, FreeWith<&json_object_unref>>;

// ---- Reading

// JSON may have come over the network. A member that is missing or of another type is simply not
// there: json-glib's own getters would print warnings for whatever a server likes to send.

// Null when it is no JSON, no UTF-8, or nested deeper than anything sensible; `why` then says so.
JsonNodePtr parse_json(std::string_view text, std::string &why);
std::string json_text(JsonObject *object);

JsonObject *member_object(JsonObject *object, const char *name);  // null when there is none
std::vector<JsonObject *> member_objects(JsonObject *object, const char *name);  // of an array
std::optional<std::string> member_text(JsonObject *object, const char *name);
std::optional<std::int64_t> member_number(JsonObject *object, const char *name);
bool member_flag(JsonObject *object, const char *name);  // false when there is none

// The object that `text` is, none when it is anything else.
JsonNodePtr parse_json_object(std::string_view text);
// A member of that type, or what is given instead.
std::string text_or(JsonObject *object, const char *name, const std::string &otherwise = {});
std::int64_t number_or(JsonObject *object, const char *name, std::int64_t otherwise = -1);

// ---- Writing

// Members of a JSON object, in this order.
using JsonValue = std::variant<std::string, std::int64_t, double, bool>;
using JsonFields = std::vector<std::pair<std::string, JsonValue>>;

// An object that becomes one line: what is not UTF-8 is replaced, newlines are escaped.
class JsonWriter {
 public:
  JsonWriter();
  explicit JsonWriter(const JsonFields &fields);

  JsonWriter &set(const std::string &name, const JsonValue &value);
  JsonWriter &set(const std::string &name, const std::vector<JsonWriter> &array);
  JsonWriter &set(const std::string &name, const std::vector<std::string> &array);
  std::string line() const;  // without a newline

 private:
  JsonNodePtr node_;
};

// Beyond 2^53 many readers of JSON round: such numbers are written as text.
JsonValue json_unsigned(std::uint64_t number);

// RFC 3339, UTC, with microseconds.
std::string time_text(std::int64_t unix_us);

}  // namespace examples
