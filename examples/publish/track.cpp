// SPDX-License-Identifier: LGPL-2.1-or-later
#include "track.h"

namespace publish {
namespace {

std::string name_of(wire::TrackSource kind) {
  switch (kind) {
    case wire::CAMERA:
      return "camera";
    case wire::MICROPHONE:
      return "microphone";
    case wire::SCREEN_SHARE:
      return "screen";
    case wire::SCREEN_SHARE_AUDIO:
      return "screen-audio";
    default:
      return "source";
  }
}

}  // namespace

void Track::give_name() {
  const std::optional<Format> format = source ? source->format() : std::nullopt;
  if (kind == wire::UNKNOWN && format)
    kind = info_of(format->codec).media == Media::kVideo ? wire::CAMERA : wire::MICROPHONE;
  name = name_of(kind) + " " + std::to_string(number);
}

examples::JsonFields Track::fields(examples::JsonFields more) const {
  more.insert(more.begin(), {{"track", std::int64_t{number}}, {"name", name}});
  return more;
}

}  // namespace publish
