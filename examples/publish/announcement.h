// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "session.h"

namespace publish {

// What the server has to know of a track before it is offered. `cid`: its id in the offer.
wire::AddTrack announcement(const Offered &track, const std::string &cid);

}  // namespace publish
