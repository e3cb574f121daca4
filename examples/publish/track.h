// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/json.h"
#include "livekit/signal.pb.h"
#include "source.h"

namespace publish {

namespace wire = livekit::wire;

// A source and what the room knows of it.
struct Track {
  unsigned number = 0;  // of the source, from 1
  wire::TrackSource kind = wire::UNKNOWN;
  std::string name;
  std::unique_ptr<Source> source;
  std::optional<Format> published;  // in the present session

  // By its kind, which is a camera or a microphone once it is known what comes.
  void give_name();
  // For lines of JSON: which track, and more.
  examples::JsonFields fields(examples::JsonFields more) const;
};

}  // namespace publish
