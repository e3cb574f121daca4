// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <set>
#include <string>
#include <vector>

#include "common.h"

namespace call {

// Reads the pipelines' buses when the main thread asks; there is no main loop.
class BusWatch {
 public:
  // `pipeline` must live as long as check() is called. It also tells when a sink inside it is
  // done, not only when all of them are.
  void add(GstElement *pipeline);

  // Handles what has been posted. Throws Failure with the first error of any pipeline.
  void check();

  bool reached_end(const std::string &sink) const { return ended_.contains(sink); }

 private:
  struct Watched {
    GstElement *pipeline;
    ObjectPtr<GstBus> bus;
  };

  void handle(const Watched &watched, GstMessage *message);
  void note_forwarded(GstMessage *message);

  std::vector<Watched> watched_;
  std::set<std::string> ended_;
};

}  // namespace call
