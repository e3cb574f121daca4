// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace recorder {

// Words for people about a state that e2eedecrypt reports.
struct KeyState {
  const char *name;  // as reported
  const char
      *brief;  // for a narrow column, where nothing of the participant can be recorded; or null
  const char *reason;  // what it means, and what to look at
};

// Null for one that is not known.
const KeyState *key_state(const std::string &name);

// The state by which the library reports frames in the clear. The recorder lets none pass that a
// participant should have encrypted, so these are frames that the server made.
extern const char *const kFramesOfServer;

}  // namespace recorder
