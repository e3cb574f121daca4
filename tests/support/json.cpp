/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/json.h"

#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

namespace e2ee::test::vectors {

namespace {
[[noreturn]] void wrong(const char *name, const char *wanted) {
  throw JsonError(std::string("member ") + name + " is not " + wanted);
}
}  // namespace

std::string read_or_throw(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf()))
    throw JsonError("missing or empty: " + path);
  return text.str();
}

void parse_json(const std::string &text, const std::function<void(JsonNode *)> &use) {
  const std::unique_ptr<JsonParser, decltype(&g_object_unref)> parser(json_parser_new(),
                                                                      g_object_unref);
  GError *error = nullptr;
  if (!json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  &error)) {
    const std::string message = error->message;
    g_error_free(error);
    throw JsonError(message);
  }
  JsonNode *root = json_parser_get_root(parser.get());
  if (root == nullptr)
    throw JsonError("no JSON");
  use(root);
}

Bytes hex_or_throw(const std::string &text, const std::string &what) {
  std::optional<Bytes> bytes = from_hex(text);
  if (!bytes)
    throw JsonError(what + " is not hex");
  return std::move(*bytes);
}

JsonView::JsonView(JsonNode *node) : object_(nullptr) {
  if (!JSON_NODE_HOLDS_OBJECT(node))
    throw JsonError("not an object");
  object_ = json_node_get_object(node);
}

GType JsonView::scalar_type(const char *name) const {
  return JSON_NODE_HOLDS_VALUE(node(name)) ? json_node_get_value_type(node(name)) : G_TYPE_INVALID;
}

std::string JsonView::text(const char *name) const {
  if (!has_value(name))
    return {};
  if (scalar_type(name) != G_TYPE_STRING)
    wrong(name, "a string");
  return json_node_get_string(node(name));
}

std::optional<std::int64_t> JsonView::number(const char *name) const {
  if (!has_value(name))
    return {};
  if (scalar_type(name) != G_TYPE_INT64)
    wrong(name, "a whole number");
  return json_node_get_int(node(name));
}

std::optional<bool> JsonView::boolean(const char *name) const {
  if (!has_value(name))
    return {};
  if (scalar_type(name) != G_TYPE_BOOLEAN)
    wrong(name, "a boolean");
  return json_node_get_boolean(node(name)) != FALSE;
}

std::optional<Bytes> JsonView::hex(const char *name) const {
  if (!has_value(name))
    return {};
  return hex_or_throw(text(name), name);
}

std::optional<JsonView> JsonView::object(const char *name) const {
  if (!has_value(name))
    return {};
  return JsonView(node(name));
}

void JsonView::each(const char *array, const std::function<void(JsonNode *)> &use) const {
  if (!has_value(array))
    return;
  if (!JSON_NODE_HOLDS_ARRAY(node(array)))
    wrong(array, "an array");
  JsonArray *items = json_node_get_array(node(array));
  for (guint i = 0; i < json_array_get_length(items); ++i)
    use(json_array_get_element(items, i));
}

void JsonView::each_scalar(
    const std::function<void(const std::string &, const std::string &)> &use) const {
  JsonObjectIter iter;
  const char *name = nullptr;
  JsonNode *value = nullptr;
  json_object_iter_init(&iter, object_);
  while (json_object_iter_next(&iter, &name, &value)) {
    const GType type = scalar_type(name);
    if (type == G_TYPE_STRING)
      use(name, json_node_get_string(value));
    else if (type == G_TYPE_INT64)
      use(name, std::to_string(json_node_get_int(value)));
    else if (type == G_TYPE_BOOLEAN)
      use(name, json_node_get_boolean(value) ? "true" : "false");
  }
}

std::optional<unsigned> JsonView::unsigned_of(const char *name) const {
  const std::optional<std::int64_t> value = number(name);
  if (!value)
    return {};
  if (*value < 0 || *value > std::numeric_limits<unsigned>::max())
    wrong(name, "in range");
  return static_cast<unsigned>(*value);
}

unsigned JsonView::unsigned_or(const char *name, unsigned otherwise) const {
  return unsigned_of(name).value_or(otherwise);
}

}  // namespace e2ee::test::vectors
