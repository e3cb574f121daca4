// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json.h"

namespace recorder {
namespace {

// json-glib 1.6 parses by recursion and has no limit: brackets alone would overflow the stack.
constexpr int kDeepest = 64;

bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest)
        return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

JsonNode *member(JsonObject *object, const char *name) {
  return object ? json_object_get_member(object, name) : nullptr;
}

JsonNode *value_of(JsonObject *object, const char *name, GType type) {
  JsonNode *node = member(object, name);
  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node
                                                                                       : nullptr;
}

}  // namespace

JsonNodePtr parse_json(std::string_view text, std::string &why) {
  if (!g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr)) {
    why = "it is not UTF-8";
    return nullptr;
  }
  if (too_deep(text)) {
    why = "it is nested too deeply";
    return nullptr;
  }
  examples::ObjectPtr<JsonParser> parser(json_parser_new_immutable());
  GError *error = nullptr;
  if (!json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  &error)) {
    why = error ? error->message : "unknown reason";
    g_clear_error(&error);
    return nullptr;
  }
  JsonNodePtr root(json_parser_steal_root(parser.get()));
  if (!root)
    why = "it is empty";
  return root;
}

std::string json_text(JsonObject *object) {
  JsonNodePtr node(json_node_init_object(json_node_alloc(), object));
  examples::CharPtr text(json_to_string(node.get(), FALSE));
  return text.get();
}

JsonObject *member_object(JsonObject *object, const char *name) {
  JsonNode *node = member(object, name);
  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : nullptr;
}

std::vector<JsonObject *> member_objects(JsonObject *object, const char *name) {
  std::vector<JsonObject *> found;
  JsonNode *node = member(object, name);
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : nullptr;
  for (guint i = 0; array && i < json_array_get_length(array); ++i) {
    JsonNode *element = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_OBJECT(element))
      found.push_back(json_node_get_object(element));
  }
  return found;
}

std::optional<std::string> member_text(JsonObject *object, const char *name) {
  JsonNode *node = value_of(object, name, G_TYPE_STRING);
  return node ? std::optional(std::string(json_node_get_string(node))) : std::nullopt;
}

std::optional<std::int64_t> member_number(JsonObject *object, const char *name) {
  JsonNode *node = value_of(object, name, G_TYPE_INT64);
  return node ? std::optional<std::int64_t>(json_node_get_int(node)) : std::nullopt;
}

bool member_flag(JsonObject *object, const char *name) {
  JsonNode *node = value_of(object, name, G_TYPE_BOOLEAN);
  return node && json_node_get_boolean(node);
}

}  // namespace recorder
