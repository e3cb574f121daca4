// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace recorder {

struct Options;

// Records a room until it is told to stop; answers the exit status. Throws Failure when it cannot
// begin: a wrong folder, key or socket.
int record(const Options &options);

}  // namespace recorder
