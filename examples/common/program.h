// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <string>

#include "gst_ptr.h"

// How every program reads its command line, and how it ends.
namespace examples {

// kLossy: ended as asked, but something was lost or did not verify.
enum ExitStatus { kDone = 0, kFailed = 1, kRefused = 2, kLossy = 3 };

// Something that the user gave cannot be used, for example a file that does not exist. The program
// ends with status 2.
struct Refused : Failure {
  using Failure::Failure;
};

// The command line is wrong. The program ends with status 2 and a hint at --help.
struct WrongUsage : Refused {
  using Refused::Refused;
};

extern const char *const kVersion;

class CommandLine {
 public:
  // `parameters` is what --help shows after the options. `data` is for callbacks of options.
  CommandLine(const char *program, const char *parameters, const char *summary,
              const char *description, gpointer data = nullptr);

  // `entries` have to live until parse() returns.
  void add(const GOptionEntry *entries);
  void add_group(const char *name, const char *title, const GOptionEntry *entries);
  void add_group(GOptionGroup *group);  // takes it

  // --help and --version print, and end the program. Throws WrongUsage.
  void parse(int argc, char **argv);

 private:
  const char *program_;
  gboolean version_ = FALSE;
  std::unique_ptr<GOptionContext, FreeWith<&g_option_context_free>> context_;
};

// Runs `body`, whose result is the exit status. Prints what it throws to standard error.
int run_program(const char *program, const std::function<int()> &body);

}  // namespace examples
