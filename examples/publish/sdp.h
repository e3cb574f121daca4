// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace publish {

// The id of each m-line's track, by which the server knows what was announced for it. Empty where
// there is none.
std::vector<std::string> track_ids(const std::string &sdp);

// Whether each m-line of an answer takes what was offered.
std::vector<bool> accepted(const std::string &sdp);

}  // namespace publish
