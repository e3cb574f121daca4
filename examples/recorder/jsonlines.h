// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/gst_ptr.h"

namespace recorder {

using JsonNodePtr = std::unique_ptr<JsonNode, examples::FreeWith<&json_node_unref>>;

// Members of a JSON object, in this order.
using JsonValue = std::variant<std::string, std::int64_t, bool>;
using JsonFields = std::vector<std::pair<std::string, JsonValue>>;

// An object that becomes one line: what is not UTF-8 is replaced, newlines are escaped.
class JsonWriter {
 public:
  JsonWriter();
  explicit JsonWriter(const JsonFields &fields);

  JsonWriter &set(const std::string &name, const JsonValue &value);
  JsonWriter &set(const std::string &name, const std::vector<JsonWriter> &array);
  std::string line() const;  // without a newline

 private:
  JsonNodePtr node_;
};

// The object that `text` is, none when it is anything else.
JsonNodePtr parse_json_object(std::string_view text);

// A member of that type, or what is given instead.
std::string json_text(JsonObject *object, const char *name, const std::string &otherwise = {});
std::int64_t json_number(JsonObject *object, const char *name, std::int64_t otherwise = -1);

// Beyond 2^53 many readers of JSON round: such numbers are written as text.
JsonValue json_unsigned(std::uint64_t number);

// RFC 3339, UTC, with microseconds.
std::string time_text(std::int64_t unix_us);

}  // namespace recorder
