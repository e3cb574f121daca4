// SPDX-License-Identifier: LGPL-2.1-or-later
// A recording under test and what it told.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "media.h"
#include "recorder/recording.h"

namespace media {

constexpr char kVp8Caps[] = "video/x-vp8, width=(int)320, height=(int)240";
constexpr char kOpusCaps[] =
    "audio/x-opus, channels=(int)2, rate=(int)48000, channel-mapping-family=(int)0";

struct Told {
  std::mutex mutex;
  std::vector<std::string> started, troubles;
  std::vector<recorder::RecordingEvents::Closed> closed;

  std::vector<std::string> reasons() {
    const std::lock_guard lock{mutex};
    std::vector<std::string> all;
    for (const auto &one : closed)
      all.push_back(one.reason);
    return all;
  }
};

inline recorder::Recording::Settings settings_for(Told &told, int folder,
                                                  const std::string &identity) {
  recorder::Recording::Settings settings;
  settings.folder = folder;
  settings.identity = identity;
  settings.events.started = [&told](const std::string &, const std::string &file) {
    const std::lock_guard lock{told.mutex};
    told.started.push_back(file);
  };
  settings.events.closed = [&told](const std::string &, const auto &closed) {
    const std::lock_guard lock{told.mutex};
    told.closed.push_back(closed);
  };
  settings.events.trouble = [&told](const std::string &, const std::string &problem) {
    const std::lock_guard lock{told.mutex};
    told.troubles.push_back(problem);
  };
  return settings;
}

// VP8 key frames have bit 0 of their first byte clear.
inline Frame video_frame(std::uint32_t number, std::size_t size = 1500, unsigned group = 30) {
  Frame frame{make_bytes(Media::kVideo, number, size), number * GstClockTime{40} * GST_MSECOND,
              number % group != 0};
  frame.bytes[0] = static_cast<std::uint8_t>((frame.bytes[0] & ~1) | (frame.delta ? 1 : 0));
  return frame;
}

inline Frame audio_frame(std::uint32_t number) {
  return {make_bytes(Media::kAudio, number, 90), number * GstClockTime{20} * GST_MSECOND, false};
}

}  // namespace media
