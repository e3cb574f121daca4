// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/gst_ptr.h"

// JSON that came over the network. A member that is missing or of another type is simply not there:
// json-glib's own getters would print warnings for whatever a server likes to send.
namespace recorder {

using JsonNodePtr = std::unique_ptr<JsonNode, examples::FreeWith<&json_node_unref>>;
using JsonObjectPtr = std::unique_ptr<JsonObject, examples::FreeWith<&json_object_unref>>;

// Null when it is no JSON, no UTF-8, or nested deeper than anything sensible; `why` then says so.
JsonNodePtr parse_json(std::string_view text, std::string &why);
std::string json_text(JsonObject *object);

JsonObject *member_object(JsonObject *object, const char *name);  // null when there is none
std::vector<JsonObject *> member_objects(JsonObject *object, const char *name);  // of an array
std::optional<std::string> member_text(JsonObject *object, const char *name);
std::optional<std::int64_t> member_number(JsonObject *object, const char *name);
bool member_flag(JsonObject *object, const char *name);  // false when there is none

}  // namespace recorder
