// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>

#include "receive.h"

namespace recorder {

ReceiveStats &ReceiveStats::operator+=(const ReceiveStats &other) {
  packets_lost += other.packets_lost;
  packets_late += other.packets_late;
  for (const TrackStats &from : other.tracks) {
    auto to = std::find_if(tracks.begin(), tracks.end(),
                           [&from](const TrackStats &track) { return track.codec == from.codec; });
    if (to == tracks.end())
      to = tracks.insert(to, {.media = from.media, .codec = from.codec});
    to->frames_arrived += from.frames_arrived;
    to->frames_delivered += from.frames_delivered;
    to->frames_held += from.frames_held;
    to->frames_dropped += from.frames_dropped;
  }
  return *this;
}

}  // namespace recorder
