// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json.h"

namespace examples {
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

CharPtr valid_utf8(const std::string &text) {
  return CharPtr(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
}

}  // namespace

JsonNodePtr parse_json(std::string_view text, std::string &why) {
  // json-glib stops at a NUL although it is told the length.
  if (text.find('\0') != std::string_view::npos ||
      !g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr)) {
    why = "it is not UTF-8";
    return nullptr;
  }
  if (too_deep(text)) {
    why = "it is nested too deeply";
    return nullptr;
  }
  ObjectPtr<JsonParser> parser(json_parser_new_immutable());
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
  CharPtr text(json_to_string(node.get(), FALSE));
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

JsonNodePtr parse_json_object(std::string_view text) {
  std::string why;
  JsonNodePtr node = parse_json(text, why);
  return node && JSON_NODE_HOLDS_OBJECT(node.get()) ? std::move(node) : nullptr;
}

std::string text_or(JsonObject *object, const char *name, const std::string &otherwise) {
  return member_text(object, name).value_or(otherwise);
}

std::int64_t number_or(JsonObject *object, const char *name, std::int64_t otherwise) {
  return member_number(object, name).value_or(otherwise);
}

JsonWriter::JsonWriter() : node_(json_node_new(JSON_NODE_OBJECT)) {
  json_node_take_object(node_.get(), json_object_new());
}

JsonWriter::JsonWriter(const JsonFields &fields) : JsonWriter() {
  for (const auto &[name, value] : fields)
    set(name, value);
}

JsonWriter &JsonWriter::set(const std::string &name, const JsonValue &value) {
  JsonObject *object = json_node_get_object(node_.get());
  if (const auto *text = std::get_if<std::string>(&value))
    json_object_set_string_member(object, name.c_str(), valid_utf8(*text).get());
  else if (const auto *number = std::get_if<std::int64_t>(&value))
    json_object_set_int_member(object, name.c_str(), *number);
  else if (const auto *real = std::get_if<double>(&value))
    json_object_set_double_member(object, name.c_str(), *real);
  else
    json_object_set_boolean_member(object, name.c_str(), std::get<bool>(value));
  return *this;
}

JsonWriter &JsonWriter::set(const std::string &name, const std::vector<JsonWriter> &array) {
  JsonArray *members = json_array_new();
  for (const JsonWriter &member : array)
    json_array_add_element(members, json_node_copy(member.node_.get()));
  json_object_set_array_member(json_node_get_object(node_.get()), name.c_str(), members);
  return *this;
}

JsonWriter &JsonWriter::set(const std::string &name, const std::vector<std::string> &array) {
  JsonArray *members = json_array_new();
  for (const std::string &member : array)
    json_array_add_string_element(members, valid_utf8(member).get());
  json_object_set_array_member(json_node_get_object(node_.get()), name.c_str(), members);
  return *this;
}

std::string JsonWriter::line() const {
  return CharPtr(json_to_string(node_.get(), FALSE)).get();
}

JsonValue json_unsigned(std::uint64_t number) {
  if (number > std::uint64_t{1} << 53)
    return std::to_string(number);
  return static_cast<std::int64_t>(number);
}

std::string time_text(std::int64_t unix_us) {
  constexpr std::int64_t kSecond = G_USEC_PER_SEC;
  GDateTime *seconds = g_date_time_new_from_unix_utc(unix_us / kSecond);
  const CharPtr text(seconds ? g_date_time_format(seconds, "%Y-%m-%dT%H:%M:%S") : nullptr);
  g_clear_pointer(&seconds, g_date_time_unref);
  const CharPtr whole(
      g_strdup_printf("%s.%06dZ", text ? text.get() : "0000-00-00T00:00:00",
                      static_cast<int>(unix_us % kSecond < 0 ? 0 : unix_us % kSecond)));
  return whole.get();
}

}  // namespace examples
