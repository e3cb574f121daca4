// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>
#include <sys/resource.h>

#include <clocale>

#include "control.h"
#include "options.h"
#include "progress.h"
#include "recorder.h"
#include "verify_log.h"

namespace recorder {
namespace {

// A connection takes a dozen descriptors, and 1024 is what processes begin with.
void allow_many_files() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const Options &options) {
  switch (options.command) {
    case Command::kVerifyLog:
      return tell_log(options.log, options.public_key);
    case Command::kControl:
      return control_client(options.control, {options.control_command, options.identity});
    case Command::kRecord:
      break;
  }
  allow_many_files();
  return record(options);
}

}  // namespace
}  // namespace recorder

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  gst_init(nullptr, nullptr);  // its own options are left to GST_DEBUG and the like
  recorder::Options options;
  switch (recorder::parse_options(argc, argv, options)) {
    case recorder::Parsed::kDone:
      return 0;
    case recorder::Parsed::kWrong:
      return 2;
    case recorder::Parsed::kRun:
      break;
  }
  try {
    return recorder::run(options);
  } catch (const std::exception &error) {
    g_printerr("e2ee-recorder: %s\n", recorder::progress_text::harmless(error.what()).c_str());
    return 1;
  }
}
