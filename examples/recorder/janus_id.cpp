// SPDX-License-Identifier: LGPL-2.1-or-later
#include "janus.h"

namespace recorder {

JanusId JanusId::of(const std::string &text) {
  const bool digits = !text.empty() && text.size() <= 18 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  return {text, digits};
}

void JanusId::add_to(JsonObject *object, const char *name) const {
  if (is_number)
    json_object_set_int_member(object, name, g_ascii_strtoll(text.c_str(), nullptr, 10));
  else
    json_object_set_string_member(object, name, text.c_str());
}

std::optional<JanusId> member_id(JsonObject *object, const char *name) {
  if (const auto number = member_number(object, name))
    return JanusId{std::to_string(*number), true};
  if (const auto text = member_text(object, name))
    return JanusId{*text, false};
  return std::nullopt;
}

}  // namespace recorder
