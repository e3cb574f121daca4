// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

namespace examples {

// A session description by its sections, each by its lines: first the lines of the session, then
// the media sections, which begin with "m=". Empty lines are left out.
using SdpSections = std::vector<std::vector<std::string>>;

SdpSections split_sdp(const std::string &sdp);
std::string join_sdp(const SdpSections &sections);

}  // namespace examples
