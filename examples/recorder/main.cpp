// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>
#include <sys/resource.h>

#include "common/program.h"
#include "control.h"
#include "options.h"
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
  gst_init(nullptr, nullptr);  // its own options are left to GST_DEBUG and the like
  return examples::run_program(
      "e2ee-recorder", [argc, argv] { return recorder::run(recorder::parse_options(argc, argv)); });
}
