// SPDX-License-Identifier: LGPL-2.1-or-later
#include "jsonlines.h"

namespace recorder {
namespace {

using examples::CharPtr;
using examples::ObjectPtr;

CharPtr valid_utf8(const std::string &text) {
  return CharPtr(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
}

}  // namespace

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

std::string JsonWriter::line() const {
  return CharPtr(json_to_string(node_.get(), FALSE)).get();
}

JsonNodePtr parse_json_object(std::string_view text) {
  const ObjectPtr<JsonParser> parser(json_parser_new_immutable());
  // The length is given, and yet json-glib stops at a NUL.
  if (text.find('\0') != std::string_view::npos ||
      !g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) ||
      !json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  nullptr))
    return nullptr;
  JsonNodePtr node(json_parser_steal_root(parser.get()));
  return node && JSON_NODE_HOLDS_OBJECT(node.get()) ? std::move(node) : nullptr;
}

std::string json_text(JsonObject *object, const char *name, const std::string &otherwise) {
  JsonNode *node = json_object_get_member(object, name);
  return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                 : otherwise;
}

std::int64_t json_number(JsonObject *object, const char *name, std::int64_t otherwise) {
  JsonNode *node = json_object_get_member(object, name);
  return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node)
                                                                : otherwise;
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

}  // namespace recorder
