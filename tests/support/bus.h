/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What elements tell: messages on a bus, and their counters.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "support/owned.h"

namespace e2ee::test {

struct State {
  std::string state;
  std::string participant;
  guint64 key_id = 0;
  guint64 count = 0;
};

struct BusLog {
  std::vector<State> states;
  std::vector<std::string> warnings;  // text and debug text
  std::vector<std::string> errors;

  const State *find(const char *state) const;
  guint64 total(const char *state) const;
};

/// All that is on a bus, taken off it.
BusLog drain(GstBus *bus);
/// Of an error or a warning: text, a new line, debug text.
std::string text_of(GstMessage *message);

/// Counters of an element or a frame cryptor.
Structure stats_of(gconstpointer object);
guint64 stat_of(gconstpointer object, const char *name);
std::string text_stat_of(gconstpointer object, const char *name);
/// All `dropped-` counters together.
guint64 dropped_of(gconstpointer object);

}  // namespace e2ee::test
