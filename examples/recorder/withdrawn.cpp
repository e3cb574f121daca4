// SPDX-License-Identifier: LGPL-2.1-or-later
#include "withdrawn.h"

#include "common/json.h"

namespace recorder {

using namespace examples;

using examples::Failure;

Withdrawn::Withdrawn(const std::string &folder) : path_(folder + "/withdrawn.json") {
  if (!g_file_test(path_.c_str(), G_FILE_TEST_EXISTS))
    return;
  examples::Error error;
  char *text = nullptr;
  g_file_get_contents(path_.c_str(), &text, nullptr, error.out());
  error.check(path_);
  const examples::CharPtr owned(text);
  const JsonNodePtr node = parse_json_object(text);
  if (!node || !json_object_has_member(json_node_get_object(node.get()), "withdrawn"))
    throw Failure(path_ + " does not say who must not be recorded: mend it, or remove it when " +
                  "everyone may be");
  for (JsonObject *entry : member_objects(json_node_get_object(node.get()), "withdrawn"))
    if (const auto identity = member_text(entry, "identity"))
      identities_.insert(*identity);
}

void Withdrawn::insert(const std::string &identity) {
  identities_.insert(identity);
  keep();
}

void Withdrawn::erase(const std::string &identity) {
  identities_.erase(identity);
  keep();
}

void Withdrawn::keep() const {
  std::vector<JsonWriter> entries;
  for (const std::string &identity : identities_)
    entries.emplace_back(JsonFields{{"identity", identity}});
  const std::string text = JsonWriter().set("withdrawn", entries).line() + "\n";
  examples::Error error;
  g_file_set_contents_full(path_.c_str(), text.data(), static_cast<gssize>(text.size()),
                           static_cast<GFileSetContentsFlags>(G_FILE_SET_CONTENTS_CONSISTENT |
                                                              G_FILE_SET_CONTENTS_DURABLE),
                           0600, error.out());
  error.check("it holds, but a restart would forget it");
}

}  // namespace recorder
