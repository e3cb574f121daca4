// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace examples {

// Why no media may flow after this offer and this answer: a media section has "a=sframe" in one of
// them alone. Empty: both agree. Sections that the answer rejects (port 0) carry no media. Whoever
// applies a remote description asks this before, because webrtcbin does not:
// draft-ietf-avtcore-rtp-sframe, "SDP Offer/Answer Considerations".
std::string sframe_disagreement(const std::string &offer, const std::string &answer);

}  // namespace examples
