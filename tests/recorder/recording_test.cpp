// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames through Recording, read back with GStreamer's demuxer.
#include "recorder/recording.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "recording_fixture.h"

namespace {

using namespace media;
using namespace std::chrono_literals;
using recorder::Recording;

TEST_F(RecordingTest, WritesEveryFrame) {
  Recording recording{settings()};
  EXPECT_EQ(recording.counts().state, "waiting");
  push_both(recording, 50, 150);
  EXPECT_EQ(recording.counts().state, "recording");
  EXPECT_EQ(recording.counts().file, "alice.webm");
  recording.finish("left");

  const auto counts = recording.counts();
  EXPECT_EQ(counts.state, "ended");
  EXPECT_EQ(counts.video, 100U);
  EXPECT_EQ(counts.audio, 200U);
  EXPECT_EQ(counts.lost, 0U);
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"alice.webm"});
  EXPECT_EQ(told_.started, std::vector<std::string>{"alice.webm"});
  EXPECT_TRUE(told_.troubles.empty());
  ASSERT_EQ(told_.closed.size(), 1U);
  EXPECT_EQ(told_.closed[0].file, "alice.webm");
  EXPECT_EQ(told_.closed[0].reason, "left");
  EXPECT_EQ(told_.closed[0].frames, 300U);
  EXPECT_EQ(told_.closed[0].bytes, std::filesystem::file_size(folder_ / "alice.webm"));
  EXPECT_EQ(told_.closed[0].sha256, sha256("alice.webm"));
  struct stat status;
  ASSERT_EQ(stat((folder_ / "alice.webm").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);

  const File file = read_file(folder_ / "alice.webm");
  EXPECT_EQ(file.error, "");
  EXPECT_EQ(file.doc_type, "webm");
  expect_frames(file.video(), video_frames(50, 150), 2 * GST_SECOND);
  expect_frames(file.audio(), audio_frames(100, 300), 2 * GST_SECOND);
}

TEST_F(RecordingTest, KeepsVp8AndOpusDecodable) {
  Recording recording{settings()};
  const auto video = encode(
      "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=240,framerate=30/1 ! "
      "vp8enc deadline=1 keyframe-max-dist=20");
  const auto audio = encode(
      "audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
      "opusenc");
  ASSERT_EQ(video.size(), 60U);
  ASSERT_GE(audio.size(), 100U);
  std::vector<Frame> pictures, packets;
  for (std::size_t i = 0; i < audio.size(); i++) {
    recording.push(Media::kAudio, audio[i].get());
    packets.push_back(frame_of(audio[i].get()));
    packets.back().delta = false;
    if (i < video.size()) {
      recording.push(Media::kVideo, video[i].get());
      pictures.push_back(frame_of(video[i].get()));
    }
  }
  recording.finish("stopped");
  const File file = read_file(folder_ / "alice.webm");
  expect_frames(file.video(), pictures);
  expect_frames(file.audio(), packets, packets[0].pts);
  EXPECT_EQ(file.video().field("width"), "320");
  EXPECT_EQ(decode(folder_ / "alice.webm", "vp8dec"), 60U);
  EXPECT_GE(decode(folder_ / "alice.webm", "opusdec"), 100U);
}

TEST_F(RecordingTest, ReadsSizeAndKeyFramesOfVp9ThemselvesWhereCapsDoNotTell) {
  Recording recording{settings()};
  const auto video = encode(
      "videotestsrc num-buffers=40 ! video/x-raw,width=320,height=200,framerate=30/1 ! "
      "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=16");
  ASSERT_EQ(video.size(), 40U);
  std::vector<Frame> pictures;
  for (const auto &sample : video) {
    pictures.push_back(frame_of(sample.get()));
    Frame without_flag = pictures.back();
    without_flag.delta = false;
    push(recording, Media::kVideo, "video/x-vp9", without_flag);
  }
  EXPECT_GE(std::ranges::count_if(pictures, [](const Frame &f) { return !f.delta; }), 2);
  recording.finish("stopped");
  const File file = read_file(folder_ / "alice.webm");
  expect_frames(file.video(), pictures);
  EXPECT_EQ(file.video().field("width"), "320");
  EXPECT_EQ(file.video().field("height"), "200");
  EXPECT_EQ(decode(folder_ / "alice.webm", "vp9dec"), 40U);
}

TEST_F(RecordingTest, KeepsH264Decodable) {
  Recording recording{settings()};
  const auto video = encode(
      "videotestsrc num-buffers=40 ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! "
      "x264enc tune=zerolatency key-int-max=10 ! h264parse ! "
      "video/x-h264,stream-format=avc,alignment=au");
  ASSERT_EQ(video.size(), 40U);
  std::vector<Frame> pictures;
  for (const auto &sample : video) {
    recording.push(Media::kVideo, sample.get());
    pictures.push_back(frame_of(sample.get()));
  }
  push(recording, Media::kAudio, kOpusCaps, {make_bytes(Media::kAudio, 0), pictures[0].pts});
  recording.finish("stopped");
  ASSERT_EQ(told_.started, std::vector<std::string>{"alice.mkv"});
  const File file = read_file(folder_ / "alice.mkv");
  EXPECT_EQ(file.doc_type, "matroska");
  expect_frames(file.video(), pictures, pictures[0].pts);
  EXPECT_EQ(file.video().field("stream-format"), "avc");
  EXPECT_EQ(file.video().field("width"), "320");
  EXPECT_EQ(decode(folder_ / "alice.mkv", "h264parse ! openh264dec"), 40U);
}

TEST_F(RecordingTest, TakesATrackThatComesLater) {
  Recording recording{settings()};
  for (unsigned i = 0; i < 200; i++) {
    push(recording, Media::kAudio, kOpusCaps, audio_frame(i));
    if (i == 20)
      std::this_thread::sleep_for(350ms);  // it has waited long enough for pictures
  }
  EXPECT_EQ(recording.counts().file, "alice.webm");
  push_both(recording, 100, 200);
  recording.finish("left");
  const File file = read_file(folder_ / "alice.webm");
  expect_frames(file.audio(), audio_frames(0, 400));
  expect_frames(file.video(), video_frames(100, 200));
  EXPECT_EQ(told_.reasons(), std::vector<std::string>{"left"});
}

TEST_F(RecordingTest, WritesWhatAMutedParticipantSentBefore) {
  Recording recording{settings()};
  push_both(recording, 0, 10);
  EXPECT_EQ(read_file(folder_ / "alice.webm").video().frames.size(), 0U);
  for (int i = 0; i < 6; i++) {
    std::this_thread::sleep_for(250ms);
    recording.tick();
  }
  const File muted = read_file(folder_ / "alice.webm");
  expect_frames(muted.video(), video_frames(0, 10));
  expect_frames(muted.audio(), audio_frames(0, 20));
  // Only the camera comes back.
  for (unsigned i = 100; i < 200; i++)
    push(recording, Media::kVideo, kVp8Caps, video_frame(i));
  const File later = read_file(folder_ / "alice.webm");
  EXPECT_GE(later.video().frames.size(), 10U + 74U);
  recording.finish("left");
  EXPECT_EQ(read_file(folder_ / "alice.webm").video().frames.size(), 110U);
}

TEST_F(RecordingTest, OpensForASingleFrame) {
  Recording recording{settings()};
  push(recording, Media::kAudio, kOpusCaps, audio_frame(7));
  EXPECT_TRUE(folder_.names().empty());  // it waits for pictures for a moment
  recording.finish("left");
  expect_frames(read_file(folder_ / "alice.webm").audio(), {audio_frame(7)}, 7 * 20 * GST_MSECOND);
}

TEST_F(RecordingTest, WritesNoFileWithoutFrames) {
  Recording recording{settings()};
  recording.tick();
  recording.finish("left");
  EXPECT_TRUE(folder_.names().empty());
  EXPECT_TRUE(told_.closed.empty());
}

TEST_F(RecordingTest, KeepsTheFileWhenTheSizeChanges) {
  Recording recording{settings()};
  for (unsigned i = 0; i < 90; i++) {
    const char *size = i < 30   ? "width=(int)320, height=(int)180"
                       : i < 60 ? "width=(int)1280, height=(int)720"
                                : "width=(int)640, height=(int)360";
    push(recording, Media::kVideo, std::string{"video/x-vp8, "} + size, video_frame(i));
  }
  recording.finish("left");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"alice.webm"});
  const File file = read_file(folder_ / "alice.webm");
  expect_frames(file.video(), video_frames(0, 90));
  EXPECT_EQ(file.video().field("width"), "1280");
  EXPECT_EQ(file.video().field("height"), "720");
}

TEST_F(RecordingTest, MakesTheFileOfASingleFrame) {
  Recording recording{settings()};
  push(recording, Media::kAudio, kOpusCaps, audio_frame(0));
  std::this_thread::sleep_for(350ms);
  recording.tick();
  EXPECT_EQ(recording.counts().file, "alice.webm");
}

TEST_F(RecordingTest, CountsAndTellsWhatItCannotRecord) {
  Recording recording{settings()};
  for (unsigned i = 0; i < 5; i++)
    push(recording, Media::kVideo, "video/x-av1", video_frame(i));
  push(recording, Media::kAudio, kVp8Caps, audio_frame(0));
  for (unsigned i = 0; i < 20; i++)
    push(recording, Media::kVideo, kVp8Caps, video_frame(i));
  recording.finish("left");
  EXPECT_EQ(recording.counts().lost, 6U);
  EXPECT_EQ(recording.counts().video, 20U);
  ASSERT_GE(told_.troubles.size(), 2U);
  EXPECT_EQ(told_.troubles[0], "cannot record video/x-av1");
}

TEST_F(RecordingTest, EscapesTheIdentity) {
  Recording recording{settings("../Eve")};
  push_both(recording, 0, 3);
  recording.finish("left");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"%2E%2E%2F%45ve.webm"});
}

TEST_F(RecordingTest, LetsEventsEndIt) {
  auto about = settings();
  Recording *itself = nullptr;
  about.events.started = [&itself](const std::string &, const std::string &) {
    itself->withdraw();
    (void) itself->counts();
    itself->finish("left");
  };
  Recording recording{about};
  itself = &recording;
  push_both(recording, 0, 5);
  recording.finish("stopped");
  EXPECT_EQ(told_.reasons(), std::vector<std::string>{"withdrawn"});
}

TEST_F(RecordingTest, TakesStreamsFromTheirThreadsWhileItIsEndedAndAllowed) {
  std::uint64_t pushed = 0;
  Recording recording{settings()};
  std::thread video{[&recording] {
    for (unsigned i = 0; i < 2000; i++)
      push(recording, Media::kVideo, kVp8Caps, video_frame(i));
  }};
  std::thread audio{[&recording] {
    for (unsigned i = 0; i < 4000; i++)
      push(recording, Media::kAudio, kOpusCaps, audio_frame(i));
  }};
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(2ms);
    recording.withdraw();
    recording.tick();
    recording.allow(0);
  }
  video.join();
  audio.join();
  recording.finish("stopped");
  const auto counts = recording.counts();
  std::uint64_t in_files = 0;
  for (const auto &closed : told_.closed) {
    EXPECT_EQ(closed.sha256, sha256(closed.file));
    const File file = read_file(folder_ / closed.file);
    EXPECT_EQ(file.error, "");
    pushed += closed.frames;
    in_files += file.video().frames.size() + file.audio().frames.size();
  }
  EXPECT_EQ(counts.video + counts.audio, pushed);
  EXPECT_EQ(in_files, pushed);
  EXPECT_EQ(told_.started.size(), told_.closed.size());
}

}  // namespace
