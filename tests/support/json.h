/* SPDX-License-Identifier: LGPL-2.1-or-later */
// json-glib for reading test data: every getter says where a value is not what it should be, by
// throwing, since a vector half read is worse than none.
#pragma once

#include <json-glib/json-glib.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/bytes.h"

namespace e2ee::test::vectors {

struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The contents of a file; throws JsonError when it cannot be read or is empty.
std::string read_or_throw(const std::string &path);

/// Parses `text` and calls `use` with its root.
void parse_json(const std::string &text, const std::function<void(JsonNode *)> &use);

/// An object of which members are asked for by name. Members that are not there give the default
/// of their type; those of another type than asked for throw.
class JsonView {
 public:
  explicit JsonView(JsonNode *node);

  bool has(const char *name) const { return json_object_has_member(object_, name); }
  bool has_value(const char *name) const { return has(name) && !JSON_NODE_HOLDS_NULL(node(name)); }
  std::string text(const char *name) const;
  std::optional<std::int64_t> number(const char *name) const;
  std::optional<bool> boolean(const char *name) const;
  std::optional<Bytes> hex(const char *name) const;
  std::optional<JsonView> object(const char *name) const;
  void each(const char *array, const std::function<void(JsonNode *)> &use) const;
  void each_scalar(
      const std::function<void(const std::string &name, const std::string &)> &use) const;

  /// What getters above are short for.
  unsigned unsigned_or(const char *name, unsigned otherwise) const;
  std::optional<unsigned> unsigned_of(const char *name) const;
  Bytes bytes(const char *name) const { return hex(name).value_or(Bytes{}); }

 private:
  JsonNode *node(const char *name) const { return json_object_get_member(object_, name); }
  GType scalar_type(const char *name) const;

  JsonObject *object_;
};

Bytes hex_or_throw(const std::string &text, const std::string &what);

}  // namespace e2ee::test::vectors
