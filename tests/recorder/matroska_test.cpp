// SPDX-License-Identifier: LGPL-2.1-or-later
// The file writer by itself, read back with GStreamer's demuxer.
#include "recorder/matroska.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "media.h"

namespace {

using media::Bytes;
using media::File;
using media::FileLimit;
using media::Folder;
using media::make_bytes;
using media::Media;
using recorder::Matroska;

constexpr std::int64_t kMs = 1000000;
constexpr std::int64_t kStart = 1700000000123456789;
const Matroska::Track kVp8{.codec_id = "V_VP8", .width = 320, .height = 240};
const Matroska::Track kOpus{
    .codec_id = "A_OPUS",
    .private_data = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0},
    .channels = 2,
    .pre_roll_ns = 80 * kMs};

int new_file(const Folder &folder, const std::string &name) {
  return openat(folder.fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

struct Written {
  Media media;
  std::int64_t time_ns;
  bool keyframe;
  Bytes bytes;
};

// Ten seconds of both, with a key frame every two.
std::vector<Written> call(std::int64_t start_ns = 0) {
  std::vector<Written> frames;
  std::uint32_t video = 0;
  for (std::uint32_t audio = 0; audio < 500; audio++) {
    const std::int64_t now = start_ns + audio * 20 * kMs;
    const std::int64_t picture_time = start_ns + std::int64_t{video} * 33333333;
    frames.push_back({Media::kAudio, now, true, make_bytes(Media::kAudio, audio, 80)});
    if (picture_time <= now) {
      frames.push_back(
          {Media::kVideo, picture_time, video % 60 == 0, make_bytes(Media::kVideo, video, 2000)});
      video++;
    }
  }
  return frames;
}

void write_all(Matroska &file, const std::vector<Written> &frames, unsigned video, unsigned audio) {
  for (const Written &frame : frames)
    file.write(frame.media == Media::kVideo ? video : audio, frame.time_ns, frame.keyframe,
               frame.bytes);
}

// What was read is what was written: all of it, or its beginning.
void expect_same(const File &read, const std::vector<Written> &written, std::int64_t start_ns,
                 bool all = true) {
  EXPECT_EQ(read.error, "");
  std::array<std::size_t, 2> at{};
  for (const Written &frame : written) {
    auto &i = at[static_cast<int>(frame.media)];
    const auto &frames = read.tracks[static_cast<int>(frame.media)].frames;
    if (i == frames.size() && !all)
      continue;
    ASSERT_LT(i, frames.size());
    ASSERT_EQ(frames[i].bytes, frame.bytes) << i;
    ASSERT_LE(std::llabs(static_cast<std::int64_t>(frames[i].pts) - (frame.time_ns - start_ns)),
              kMs);
    if (frame.media == Media::kVideo) {
      ASSERT_EQ(frames[i].delta, !frame.keyframe) << i;
    }
    i++;
  }
  EXPECT_EQ(at[0], read.tracks[0].frames.size());
  EXPECT_EQ(at[1], read.tracks[1].frames.size());
}

TEST(MatroskaFile, GivesBackWhatWasWritten) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {{"COMMENT", "{\"a\": 1}"}}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  const auto frames = call(5000 * kMs);
  write_all(file, frames, video, audio);
  file.finish();

  const File read = media::read_file(folder / "a.webm");
  expect_same(read, frames, 5000 * kMs);
  EXPECT_EQ(read.comment, "{\"a\": 1}");
  EXPECT_EQ(read.doc_type, "webm");
  EXPECT_EQ(read.video().field("width"), "320");
  EXPECT_EQ(read.video().field("height"), "240");
  EXPECT_EQ(read.audio().field("channels"), "2");
  EXPECT_EQ(read.audio().field("rate"), "48000");
  EXPECT_NEAR(static_cast<double>(read.duration), 10e9, 40e6);
  EXPECT_EQ(file.bytes(), std::filesystem::file_size(folder / "a.webm"));
}

TEST(MatroskaFile, IsPlayableWithoutItsEnd) {
  const Folder folder;
  const auto frames = call();
  Matroska file{new_file(folder, "a.mkv"), false, {}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  write_all(file, frames, video, audio);
  file.flush();
  const File read = media::read_file(folder / "a.mkv");
  expect_same(read, frames, 0);
  EXPECT_EQ(read.doc_type, "matroska");
}

TEST(MatroskaFile, IsPlayableCutAnywhere) {
  const Folder folder;
  const auto frames = call();
  Matroska file{new_file(folder, "a.mkv"), false, {}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  write_all(file, frames, video, audio);
  file.finish();
  std::mt19937 random{7};
  const std::uint64_t whole = file.bytes();
  for (int i = 0; i < 40; i++) {
    // The end is where the index is.
    const std::uint64_t cut =
        i < 10 ? whole - 1 - random() % 400 : 20000 + random() % (whole - 20000);
    std::filesystem::copy_file(folder / "a.mkv", folder / "cut.mkv",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "cut.mkv", cut);
    const File read = media::read_file(folder / "cut.mkv");
    expect_same(read, frames, 0, false);
    const auto got = read.video().frames.size() * 2000 + read.audio().frames.size() * 80;
    EXPECT_GT(static_cast<double>(got) + 3000, static_cast<double>(cut - 16384) * 0.95) << cut;
  }
}

TEST(MatroskaFile, LetsPlayersSeekToKeyFrames) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  write_all(file, call(), video, audio);
  file.finish();
  // Every 60th frame of 33.3 ms is a key frame.
  EXPECT_EQ(media::seek_file(folder / "a.webm", 7 * GST_SECOND), 6000 * GST_MSECOND);
  EXPECT_EQ(media::seek_file(folder / "a.webm", 3 * GST_SECOND), 2000 * GST_MSECOND);
}

TEST(MatroskaFile, TakesATrackLater) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned audio = file.add_track(kOpus);
  std::vector<Written> frames;
  unsigned video = 0;
  for (unsigned i = 0; i < 200; i++) {
    frames.push_back({Media::kAudio, i * 20 * kMs, true, make_bytes(Media::kAudio, i)});
    file.write(audio, frames.back().time_ns, true, frames.back().bytes);
    if (i == 120)
      video = file.add_track(kVp8);
    if (i >= 120) {
      frames.push_back({Media::kVideo, i * 20 * kMs, i == 120, make_bytes(Media::kVideo, i)});
      file.write(video, frames.back().time_ns, i == 120, frames.back().bytes);
    }
  }
  file.finish();
  expect_same(media::read_file(folder / "a.webm"), frames, 0);
}

TEST(MatroskaFile, DoesNotWaitForAMutedTrack) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  file.add_track(kOpus);
  const unsigned video = file.add_track(kVp8);
  for (unsigned i = 0; i < 100; i++)
    file.write(video, i * 40 * kMs, i == 0, make_bytes(Media::kVideo, i));
  EXPECT_LE(file.pending(), 26U);
  EXPECT_GE(media::read_file(folder / "a.webm").video().frames.size(), 74U);
}

TEST(MatroskaFile, KeepsFramesThatAreOlderThanTheFirst) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  file.write(video, 3000 * kMs, true, make_bytes(Media::kVideo, 0));
  file.write(audio, 2400 * kMs, true, make_bytes(Media::kAudio, 0));  // the file's 0
  file.write(audio, 2420 * kMs, true, make_bytes(Media::kAudio, 1));
  file.flush();
  file.write(audio, 1000 * kMs, true, make_bytes(Media::kAudio, 2));  // too late for that
  file.finish();
  const File read = media::read_file(folder / "a.webm");
  ASSERT_EQ(read.video().frames.size(), 1U);
  ASSERT_EQ(read.audio().frames.size(), 3U);
  EXPECT_EQ(read.video().frames[0].pts, 600 * GST_MSECOND);
  EXPECT_EQ(read.audio().frames[0].pts, 0U);
  EXPECT_EQ(read.audio().frames[1].pts, 20 * GST_MSECOND);
  EXPECT_EQ(read.audio().frames[2].pts, 0U);
  EXPECT_EQ(read.audio().frames[2].bytes, make_bytes(Media::kAudio, 2));
}

TEST(MatroskaFile, SurvivesLeapsInTime) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned video = file.add_track(kVp8);
  const std::int64_t day = 86400 * 1000 * kMs;
  const std::int64_t times[] = {0, 40 * kMs, day, day + 40 * kMs, 100 * kMs, 40 * day};
  for (const std::int64_t time : times)
    file.write(video, time, true, make_bytes(Media::kVideo, static_cast<std::uint32_t>(time % 97)));
  file.finish();
  const File read = media::read_file(folder / "a.webm");
  ASSERT_EQ(read.video().frames.size(), std::size(times));
  for (std::size_t i = 0; i < std::size(times); i++)
    EXPECT_EQ(read.video().frames[i].pts, static_cast<GstClockTime>(times[i])) << i;
}

TEST(MatroskaFile, TakesFramesOfEverySize) {
  const Folder folder;
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned video = file.add_track(kVp8);
  const std::size_t sizes[] = {1, 122, 123, 124, 16378, 16379, 16380, 2097146, 2097150, 6000000};
  for (std::size_t i = 0; i < std::size(sizes); i++)
    file.write(video, static_cast<std::int64_t>(i) * 10 * kMs, i == 0,
               make_bytes(Media::kVideo, 0, sizes[i]));
  file.finish();
  const File read = media::read_file(folder / "a.webm");
  ASSERT_EQ(read.video().frames.size(), std::size(sizes));
  for (std::size_t i = 0; i < std::size(sizes); i++)
    EXPECT_EQ(read.video().frames[i].bytes, make_bytes(Media::kVideo, 0, sizes[i]));
}

TEST(MatroskaFile, ChangesSizeAndTagsInItsHead) {
  const Folder folder;
  Matroska::Track unknown = kVp8;
  unknown.width = unknown.height = 0;
  Matroska file{new_file(folder, "a.mkv"), false, {{"COMMENT", "short"}}, kStart};
  const unsigned video = file.add_track(unknown);
  file.write(video, 0, true, make_bytes(Media::kVideo, 0));
  file.set_size(video, 1280, 720);
  const std::string longer(3000, 'x');
  file.set_tag("COMMENT", longer);
  file.flush();
  const File read = media::read_file(folder / "a.mkv");
  EXPECT_EQ(read.video().field("width"), "1280");
  EXPECT_EQ(read.comment, longer);
  EXPECT_EQ(read.video().frames.size(), 1U);
}

// Room of a single byte cannot be told from none: every length has to come out.
TEST(MatroskaFile, FillsItsHeadWithEveryLengthOfTag) {
  const Folder folder;
  for (std::size_t size = 7900; size < 8200; size++) {
    const std::string name = std::to_string(size) + ".mkv";
    const std::string text(size, 'x');
    Matroska file{new_file(folder, name), false, {}, kStart};
    try {
      file.set_tag("COMMENT", text);
    } catch (const recorder::Failure &) {
      EXPECT_GT(size, 8100U);
      continue;
    }
    EXPECT_LT(size, 8192U);
    file.write(file.add_track(kVp8), 0, true, make_bytes(Media::kVideo, 1));
    file.finish();
    if (size % 16 == 0 || size > 8120) {
      const File read = media::read_file(folder / name);
      ASSERT_EQ(read.comment, text);
      ASSERT_EQ(read.video().frames.size(), 1U);
    }
    std::filesystem::remove(folder / name);
  }
}

TEST(MatroskaFile, TakesAClusterBackThatCannotBeWritten) {
  const Folder folder;
  const auto frames = call();
  Matroska file{new_file(folder, "a.webm"), true, {}, kStart};
  const unsigned video = file.add_track(kVp8), audio = file.add_track(kOpus);
  std::size_t taken = 0;
  {
    const FileLimit limit{300001};
    EXPECT_THROW(
        {
          for (const Written &frame : frames) {
            file.write(frame.media == Media::kVideo ? video : audio, frame.time_ns, frame.keyframe,
                       frame.bytes);
            taken++;
          }
        },
        recorder::WriteFailure);
  }
  const std::size_t lost = file.pending();
  EXPECT_GT(lost, 0U);
  EXPECT_GT(taken, lost);
  EXPECT_EQ(std::filesystem::file_size(folder / "a.webm"), file.bytes());
  file.finish();
  const File read = media::read_file(folder / "a.webm");
  expect_same(read, {frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(taken - lost)},
              0);
  EXPECT_TRUE(GST_CLOCK_TIME_IS_VALID(read.duration));
}

}  // namespace
