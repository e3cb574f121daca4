// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "common/program.h"
#include "options.h"

namespace publish {

// Until it is stopped, or all sources have ended. The exit status.
examples::ExitStatus publish(const Options &options);

}  // namespace publish
