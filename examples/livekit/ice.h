// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "common/peer.h"
#include "livekit/signal.pb.h"

namespace livekit {

// Adds the STUN and TURN servers that the server names, where the user named none.
void add_ice_servers(const wire::Join &join, examples::PeerSettings &settings);

struct Candidate {
  unsigned mline = 0;
  std::string text;
};
wire::Request trickle_of(wire::Target target, const Candidate &candidate);
// None when there is nothing to be used in it.
std::optional<Candidate> candidate_of(const wire::Trickle &trickle);

}  // namespace livekit
