// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/gst.h>

#include "common/program.h"
#include "options.h"
#include "publisher.h"

int main(int argc, char **argv) {
  gst_init(nullptr, nullptr);  // its own options are left to GST_DEBUG and the like
  return examples::run_program("e2ee-publish", [argc, argv] {
    return publish::publish(publish::parse_options(argc, argv));
  });
}
