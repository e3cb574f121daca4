// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib-object.h>

#include <string>
#include <vector>

namespace examples {

// The value of an enum of the library by the word that properties have for it, and all its words.
int enum_of(GType type, const std::string &nick);
std::vector<std::string> words_of(GType type);

// "one, two or three".
std::string listed(const std::vector<std::string> &words);
// "one (default), two or three", for --help.
std::string alternatives(GType type);
// The same of other words.
std::string alternatives(std::vector<std::string> words);

bool is_one_of(const std::string &word, const std::vector<std::string> &words);
// For an option that takes one of them, the first by default. Throws WrongUsage for another word.
void check_word(const std::string &option, const std::string &word,
                const std::vector<std::string> &words);

}  // namespace examples
