// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

#include <vector>

#include "access.h"

namespace livekit {

// The options that say which room, the same for every program.
class RoomOptions {
 public:
  RoomOptions() = default;
  ~RoomOptions();
  RoomOptions(const RoomOptions &) = delete;
  RoomOptions &operator=(const RoomOptions &) = delete;

  // For a command line, with an empty one at the end. This object has to live until it is parsed.
  std::vector<GOptionEntry> entries();

  // What was given.
  AccessOptions options() const;

 private:
  char *url_ = nullptr, *token_file_ = nullptr, *room_ = nullptr, *api_key_file_ = nullptr,
       *name_ = nullptr, *identity_ = nullptr, *ca_file_ = nullptr;
};

}  // namespace livekit
