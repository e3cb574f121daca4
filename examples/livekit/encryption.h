// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "livekit/signal.pb.h"

namespace livekit {

// What a track is announced as whose frames are encrypted by this scheme of the library.
wire::Encryption encryption_of(const std::string &scheme);

}  // namespace livekit
