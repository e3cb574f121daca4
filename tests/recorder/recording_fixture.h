// SPDX-License-Identifier: LGPL-2.1-or-later
// A recording in a folder of its own, and frames to put in.
#pragma once

#include <gtest/gtest.h>

#include "recorded.h"
#include "support/bytes.h"
#include "support/files.h"

namespace media {

class RecordingTest : public testing::Test {
 protected:
  recorder::Recording::Settings settings(const std::string &identity = "alice") {
    return settings_for(told_, folder_.fd(), identity);
  }
  static void push(recorder::Recording &recording, Media media, const std::string &caps,
                   const Frame &frame) {
    recording.push(media, make_sample(caps, frame).get());
  }
  // A picture and two packets for each number.
  static void push_both(recorder::Recording &recording, std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t i = from; i < to; i++) {
      push(recording, Media::kVideo, kVp8Caps, video_frame(i));
      push(recording, Media::kAudio, kOpusCaps, audio_frame(2 * i));
      push(recording, Media::kAudio, kOpusCaps, audio_frame(2 * i + 1));
    }
  }
  std::string sha256(const std::string &name) const {
    const std::string text = e2ee::test::read_file(folder_ / name);
    return e2ee::test::sha256_hex({text.begin(), text.end()});
  }

  Folder folder_;
  Told told_;
};

inline void expect_frames(const Track &track, const std::vector<Frame> &frames,
                          GstClockTime start = 0) {
  ASSERT_EQ(track.frames.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); i++) {
    ASSERT_EQ(track.frames[i].bytes, frames[i].bytes) << i;
    ASSERT_LE(GST_CLOCK_DIFF(frames[i].pts - start, track.frames[i].pts), GST_MSECOND) << i;
    ASSERT_GE(GST_CLOCK_DIFF(frames[i].pts - start, track.frames[i].pts), -GST_MSECOND) << i;
    ASSERT_EQ(track.frames[i].delta, frames[i].delta) << i;
  }
}

inline std::vector<Frame> video_frames(std::uint32_t from, std::uint32_t to) {
  std::vector<Frame> frames;
  for (std::uint32_t i = from; i < to; i++)
    frames.push_back(video_frame(i));
  return frames;
}

inline std::vector<Frame> audio_frames(std::uint32_t from, std::uint32_t to) {
  std::vector<Frame> frames;
  for (std::uint32_t i = from; i < to; i++)
    frames.push_back(audio_frame(i));
  return frames;
}

}  // namespace media
