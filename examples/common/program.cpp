// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <sstream>

#include "terminal.h"

namespace examples {
namespace {

// GLib converts arguments from, and what it prints to, the character set of the locale. Without a
// locale that is ASCII: then names of participants are refused, and quotes printed as "?".
void use_character_set() {
  setlocale(LC_CTYPE, "");
  if (g_str_equal(setlocale(LC_CTYPE, nullptr), "C"))
    setlocale(LC_CTYPE, "C.UTF-8");
}

// Texts of several lines keep them.
std::string harmless_lines(const std::string &text) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    result += (result.empty() ? "" : "\n") + harmless(line);
  return result;
}

}  // namespace

const char *const kVersion = E2EE_VERSION;

CommandLine::CommandLine(const char *program, const char *parameters, const char *summary,
                         const char *description, gpointer data)
    : program_(program), context_(g_option_context_new(parameters)) {
  g_option_context_set_summary(context_.get(), summary);
  g_option_context_set_description(context_.get(), description);
  g_option_context_set_main_group(context_.get(), g_option_group_new("", "", "", data, nullptr));
}

void CommandLine::add(const GOptionEntry *entries) {
  g_option_context_add_main_entries(context_.get(), entries, nullptr);
}

void CommandLine::add_group(const char *name, const char *title, const GOptionEntry *entries) {
  const std::string help = std::string("Show options: ") + title;
  GOptionGroup *group = g_option_group_new(name, title, help.c_str(), nullptr, nullptr);
  g_option_group_add_entries(group, entries);
  add_group(group);
}

void CommandLine::add_group(GOptionGroup *group) {
  g_option_context_add_group(context_.get(), group);
}

void CommandLine::parse(int argc, char **argv) {
  use_character_set();
  const GOptionEntry version[] = {
      {"version", 0, 0, G_OPTION_ARG_NONE, &version_, "print the version", nullptr}, {}};
  add(version);
  Error error;
  g_option_context_parse(context_.get(), &argc, &argv, error.out());
  error.check<WrongUsage>();
  if (version_) {
    printf("%s %s\n", program_, kVersion);
    exit(kDone);
  }
}

int run_program(const char *program, const std::function<int()> &body) {
  try {
    return body();
  } catch (const WrongUsage &wrong) {
    fprintf(stderr, "%s: %s\nTry --help.\n", program, harmless_lines(wrong.what()).c_str());
    return kRefused;
  } catch (const Refused &refused) {
    fprintf(stderr, "%s: %s\n", program, harmless_lines(refused.what()).c_str());
    return kRefused;
  } catch (const std::exception &failure) {
    fprintf(stderr, "%s: %s\n", program, harmless_lines(failure.what()).c_str());
    return kFailed;
  }
}

}  // namespace examples
