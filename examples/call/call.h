// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "common.h"
#include "keys.h"
#include "options.h"
#include "report.h"

namespace call {

// What GStreamer needs for it.
std::vector<std::string> elements_for(const Options &options);

// Makes the whole call, from the first offer to playing back what alice recorded. Throws Failure
// when it could not be made at all. Ends early, in good order, once `interrupted` is set.
CallResult make_call(const Options &options, const Keys &keys, Terminal &terminal,
                     const volatile bool &interrupted);

}  // namespace call
