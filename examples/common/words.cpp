// SPDX-License-Identifier: LGPL-2.1-or-later
#include "words.h"

#include <algorithm>

#include "program.h"

namespace examples {

int enum_of(GType type, const std::string &nick) {
  const auto klass = static_cast<GEnumClass *>(g_type_class_ref(type));
  const GEnumValue *value = g_enum_get_value_by_nick(klass, nick.c_str());
  const int number = value ? value->value : 0;
  g_type_class_unref(klass);
  return number;
}

std::vector<std::string> words_of(GType type) {
  const auto klass = static_cast<GEnumClass *>(g_type_class_ref(type));
  std::vector<std::string> words;
  for (guint i = 0; i < klass->n_values; ++i)
    words.emplace_back(klass->values[i].value_nick);
  g_type_class_unref(klass);
  return words;
}

std::string listed(const std::vector<std::string> &words) {
  std::string text = words.front();
  for (std::size_t i = 1; i < words.size(); ++i)
    text += (i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

std::string alternatives(GType type) {
  return alternatives(words_of(type));
}

std::string alternatives(std::vector<std::string> words) {
  words.front() += " (default)";
  return listed(words);
}

bool is_one_of(const std::string &word, const std::vector<std::string> &words) {
  return std::ranges::find(words, word) != words.end();
}

void check_word(const std::string &option, const std::string &word,
                const std::vector<std::string> &words) {
  if (!is_one_of(word, words))
    throw WrongUsage(option + " takes " + alternatives(words));
}

}  // namespace examples
