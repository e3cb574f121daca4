// SPDX-License-Identifier: LGPL-2.1-or-later
// When a recording's files end and others begin: another codec, or nobody who allows it any more.
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "recorder/recording.h"
#include "recorder/succession.h"
#include "recording_fixture.h"

namespace {

using namespace media;
using namespace std::chrono_literals;
using recorder::Recording;

TEST_F(RecordingTest, StartsANewFileWhenTheCodecChanges) {
  Recording recording{settings()};
  push_both(recording, 0, 50);
  std::vector<Frame> h264;
  for (unsigned i = 50; i < 80; i++) {
    // A slice, of an IDR picture or not, behind its length.
    h264.push_back(
        {make_bytes(Media::kVideo, i, 100), i * GstClockTime{40} * GST_MSECOND, i != 50});
    Bytes &bytes = h264.back().bytes;
    const auto length = static_cast<std::uint8_t>(bytes.size() - 4);
    const Bytes head{0, 0, 0, length, static_cast<std::uint8_t>(i == 50 ? 0x65 : 0x41)};
    std::ranges::copy(head, bytes.begin());
    Frame flagless = h264.back();
    flagless.delta = false;
    push(recording, Media::kVideo,
         "video/x-h264, stream-format=(string)avc, alignment=(string)au, "
         "codec_data=(buffer)0142c01fffe1000467420000010002680d",
         flagless);
    push(recording, Media::kAudio, kOpusCaps, audio_frame(2 * i));
  }
  const Frame other = h264[0];
  push(recording, Media::kVideo,
       "video/x-h264, stream-format=(string)avc, alignment=(string)au, "
       "codec_data=(buffer)0142c01fffe1000467420001010002680d",
       other);
  recording.finish("left");
  EXPECT_EQ(told_.started, (std::vector<std::string>{"alice.webm", "alice.mkv", "alice.2.mkv"}));
  EXPECT_EQ(told_.reasons(), (std::vector<std::string>{"codec-changed", "codec-changed", "left"}));
  for (const auto &closed : told_.closed)
    EXPECT_EQ(closed.sha256, sha256(closed.file)) << closed.file;
  const File vp8 = read_file(folder_ / "alice.webm");
  expect_frames(vp8.video(), video_frames(0, 50));
  expect_frames(vp8.audio(), audio_frames(0, 100));
  const File avc = read_file(folder_ / "alice.mkv");
  expect_frames(avc.video(), h264, 2 * GST_SECOND);
  EXPECT_EQ(avc.video().codec_data()[11], 0);
  EXPECT_EQ(avc.audio().frames.size(), 30U);
  const File last = read_file(folder_ / "alice.2.mkv");
  ASSERT_EQ(last.video().frames.size(), 1U);
  EXPECT_EQ(last.video().codec_data()[11], 1);
}

std::string h264_caps(unsigned number) {
  return "video/x-h264, stream-format=(string)avc, alignment=(string)au, "
         "codec_data=(buffer)0142c01fffe100046742000" +
         std::to_string(number % 10) + "01000268" + std::to_string(10 + number / 10 % 90);
}

TEST_F(RecordingTest, MakesNoFileForEachFrame) {
  Recording recording{settings()};
  for (unsigned i = 0; i < 100; i++)
    push(recording, Media::kVideo, h264_caps(i), video_frame(i));
  std::this_thread::sleep_for(350ms);  // until it does not wait for sound any more
  for (unsigned i = 100; i < 300; i++) {
    push(recording, Media::kVideo, h264_caps(i), video_frame(i));
    push(recording, Media::kAudio, kOpusCaps, audio_frame(i));
  }
  EXPECT_EQ(recording.counts().state, "error");
  EXPECT_LE(told_.started.size(), 4U);
  ASSERT_EQ(told_.troubles.size(), 1U);
  EXPECT_TRUE(told_.troubles[0].starts_with("the codec changes too often"));
  std::this_thread::sleep_for(1100ms);
  recording.tick();
  for (unsigned i = 300; i < 320; i++)
    push(recording, Media::kAudio, kOpusCaps, audio_frame(i));
  recording.finish("left");
  const auto counts = recording.counts();
  EXPECT_GE(counts.audio, 20U);
  EXPECT_EQ(counts.video + counts.audio + counts.lost, 300U + 200U + 20U);
  EXPECT_EQ(told_.reasons().back(), "left");
}

TEST_F(RecordingTest, ClosesItsFilesWithoutAThreadForIt) {
  pthread_attr_t usual, huge;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 47), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  EXPECT_THROW(std::thread{[] {}}.join(), std::system_error);
  Recording recording{settings()};
  push_both(recording, 0, 5);
  recording.withdraw();
  EXPECT_TRUE(told_.closed.empty());
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  recording.tick();
  for (int i = 0; i < 500 && told_.reasons().empty(); i++)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(told_.reasons(), std::vector<std::string>{"withdrawn"});

  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  recording.allow(0);
  push_both(recording, 5, 10);
  recording.finish("left");
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(told_.reasons(), (std::vector<std::string>{"withdrawn", "left"}));
  EXPECT_EQ(told_.closed.back().sha256, sha256("alice.2.webm"));
}

TEST(Succession, LeavesOutLateFramesOfAnotherCodecAlone) {
  recorder::Succession succession;
  const auto takes = [&succession](unsigned connection, const std::string &caps, unsigned nth = 0) {
    return succession.takes(connection, Media::kVideo, nth,
                            make_sample(caps, video_frame(0)).get());
  };
  EXPECT_TRUE(takes(1, h264_caps(1)));
  EXPECT_TRUE(takes(1, h264_caps(2)));
  EXPECT_TRUE(takes(2, h264_caps(3)));
  EXPECT_FALSE(takes(1, h264_caps(2)));
  EXPECT_TRUE(takes(1, h264_caps(3)));
  EXPECT_TRUE(takes(1, h264_caps(2), 1));  // of another stream
  EXPECT_TRUE(takes(2, kVp8Caps));
  EXPECT_TRUE(takes(1, std::string{kVp8Caps} + ", width=(int)320, height=(int)180"));
  EXPECT_EQ(succession.left_out(), 1U);
  EXPECT_FALSE(takes(1, h264_caps(3)));
  EXPECT_EQ(succession.left_out(), 2U);
}

TEST_F(RecordingTest, EndsAtOnceWhenWithdrawn) {
  Recording recording{settings()};
  push_both(recording, 0, 50);
  recording.withdraw();
  EXPECT_EQ(recording.counts().state, "withdrawn");
  EXPECT_EQ(recording.counts().video, 50U);
  push_both(recording, 50, 100);
  recording.tick();
  EXPECT_EQ(recording.counts().video, 50U);
  recording.allow(0);
  push_both(recording, 100, 150);
  recording.finish("stopped");
  EXPECT_EQ(recording.counts().lost, 0U);
  EXPECT_EQ(told_.reasons(), (std::vector<std::string>{"withdrawn", "stopped"}));
  expect_frames(read_file(folder_ / "alice.webm").video(), video_frames(0, 50));
  expect_frames(read_file(folder_ / "alice.2.webm").video(), video_frames(100, 150),
                4 * GST_SECOND);
}

TEST_F(RecordingTest, LeavesOutWhatWasSentBeforeItWasAllowedAndComesLater) {
  Recording recording{settings()};
  push_both(recording, 0, 50);
  recording.withdraw();
  push_both(recording, 50, 80);
  recording.allow(4 * GST_SECOND);  // of video frame 100, audio frame 200
  EXPECT_EQ(recording.counts().state, "waiting");
  push_both(recording, 80, 100);
  EXPECT_EQ(recording.counts().state, "waiting");
  push_both(recording, 100, 150);
  recording.finish("stopped");
  EXPECT_EQ(recording.counts().lost, 0U);
  const File again = read_file(folder_ / "alice.2.webm");
  expect_frames(again.video(), video_frames(100, 150), 4 * GST_SECOND);
  expect_frames(again.audio(), audio_frames(200, 300), 4 * GST_SECOND);
}

TEST_F(RecordingTest, BeginsNoFileWhenItIsWithdrawn) {
  Recording recording{settings()};
  push(recording, Media::kAudio, kOpusCaps, audio_frame(0));
  recording.withdraw();
  std::this_thread::sleep_for(350ms);
  recording.tick();
  EXPECT_TRUE(folder_.names().empty());
  recording.finish("left");
  EXPECT_TRUE(folder_.names().empty());
  EXPECT_TRUE(told_.started.empty());
  EXPECT_EQ(recording.counts().lost, 0U);
}

}  // namespace
