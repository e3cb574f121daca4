// SPDX-License-Identifier: LGPL-2.1-or-later
// Sealed recordings: frames as they came, and what describes them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "recorded.h"

namespace {

using namespace media;
using recorder::Recording;
using recorder::Seal;

class SealedRecordingTest : public testing::Test {
 protected:
  Recording::Settings settings(const std::string &scheme) {
    auto settings = settings_for(told_, folder_.fd(), "alice");
    settings.seal.emplace();
    settings.seal->scheme = scheme;
    settings.seal->identity = "alice";
    return settings;
  }
  static void push(Recording &recording, Media media, const std::string &caps, const Frame &frame) {
    recording.push(media, make_sample(caps, frame).get());
  }
  std::string text(const std::string &name) const {
    gchar *contents = nullptr;
    g_file_get_contents((folder_ / name).c_str(), &contents, nullptr, nullptr);
    const examples::CharPtr owned{contents};
    return contents ? contents : "";
  }

  Folder folder_;
  Told told_;
};

TEST_F(SealedRecordingTest, LosesNoneOfThoseBeforeAStreamThatTheFileCannotDescribe) {
  Recording recording{settings("livekit")};
  for (unsigned i = 0; i < 10; i++)
    push(recording, Media::kVideo, kVp8Caps, video_frame(i));
  std::this_thread::sleep_for(std::chrono::milliseconds{350});  // it waits for sound no longer
  push(recording, Media::kVideo, kVp8Caps, video_frame(10));
  const std::string caps = std::string{kOpusCaps} + ", more=(string)" + std::string(9000, 'x');
  push(recording, Media::kAudio, caps, audio_frame(0));
  EXPECT_EQ(recording.counts().state, "error");
  recording.finish("left");

  const auto counts = recording.counts();
  EXPECT_EQ(counts.video, 11U);
  EXPECT_EQ(counts.audio, 0U);
  EXPECT_EQ(counts.lost, 1U);
  ASSERT_EQ(told_.closed.size(), 1U);
  EXPECT_EQ(told_.closed[0].frames, 11U);
  EXPECT_EQ(read_file(folder_ / "alice.mkv").video().frames.size(), 11U);
  ASSERT_EQ(told_.troubles.size(), 1U);
  EXPECT_NE(told_.troubles[0].find("do not fit"), std::string::npos) << told_.troubles[0];
}

TEST_F(SealedRecordingTest, DescribesItselfBeforeTheFirstFrame) {
  auto about = settings("livekit");
  std::string sidecar_at_start, comment_at_start;
  about.events.started = [&](const std::string &, const std::string &file) {
    sidecar_at_start = text(file + ".json");
    comment_at_start = text(file);
  };
  Recording recording{about};
  push(recording, Media::kVideo, kVp8Caps, video_frame(0));
  push(recording, Media::kAudio, kOpusCaps, audio_frame(0));
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"alice.mkv", "alice.mkv.json"}));
  recording.finish("left");

  const Seal seal = Seal::from_json(sidecar_at_start);
  EXPECT_EQ(seal.scheme, "livekit");
  EXPECT_EQ(seal.identity, "alice");
  EXPECT_FALSE(seal.started.empty());
  ASSERT_EQ(seal.streams.size(), 2U);
  EXPECT_EQ(seal.streams[0].media, "video");
  EXPECT_EQ(seal.streams[0].codec, "vp8");
  EXPECT_EQ(seal.streams[0].caps, kVp8Caps);
  EXPECT_EQ(seal.streams[1].codec, "opus");
  EXPECT_EQ(seal.streams[1].caps, kOpusCaps);

  const File file = read_file(folder_ / "alice.mkv");
  EXPECT_EQ(file.comment, sidecar_at_start);
  EXPECT_EQ(file.comment, text("alice.mkv.json"));
  EXPECT_EQ(file.doc_type, "matroska");
  struct stat status;
  ASSERT_EQ(stat((folder_ / "alice.mkv.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(SealedRecordingTest, DescribesATrackThatComesLater) {
  Recording recording{settings("livekit")};
  for (unsigned i = 0; i < 60; i++)
    push(recording, Media::kVideo, kVp8Caps, video_frame(i, 100000));  // more than it holds
  EXPECT_EQ(Seal::from_json(text("alice.mkv.json")).streams.size(), 1U);
  push(recording, Media::kAudio, kOpusCaps, audio_frame(120));
  EXPECT_EQ(Seal::from_json(text("alice.mkv.json")).streams.size(), 2U);
  recording.finish("left");
  const File file = read_file(folder_ / "alice.mkv");
  EXPECT_EQ(file.comment, text("alice.mkv.json"));
  EXPECT_EQ(file.audio().frames.size(), 1U);
  EXPECT_EQ(file.video().frames.size(), 60U);
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"alice.mkv", "alice.mkv.json"}));
}

TEST_F(SealedRecordingTest, NeverTouchesASidecarThatIsThere) {
  ASSERT_TRUE(g_file_set_contents((folder_ / "alice.mkv.json").c_str(), "mine", -1, nullptr));
  Recording recording{settings("livekit")};
  push(recording, Media::kVideo, kVp8Caps, video_frame(0));
  recording.finish("left");
  EXPECT_EQ(text("alice.mkv.json"), "mine");
  EXPECT_EQ(told_.started, std::vector<std::string>{"alice.2.mkv"});
  EXPECT_EQ(Seal::from_json(text("alice.2.mkv.json")).streams.size(), 1U);
}

TEST_F(SealedRecordingTest, KeepsBytesOfH264AndH265AsTheyCame) {
  for (const std::string codec : {"h264", "h265"}) {
    Recording recording{settings("livekit")};
    std::vector<Frame> sent;
    for (unsigned i = 0; i < 60; i++) {
      Frame frame = video_frame(i);
      frame.delta = i % 20 != 0;
      const std::uint8_t slice =
          codec == "h264" ? (frame.delta ? 0x41 : 0x65) : (frame.delta ? 0x02 : 0x26);
      const Bytes head{0, 0, 0, 1, slice, 1, 0x9a};
      std::ranges::copy(head, frame.bytes.begin());
      for (std::size_t at = head.size(); at < frame.bytes.size(); at++)
        if (frame.bytes[at] == 0)
          frame.bytes[at] = 0xEE;  // escaped: no start codes in ciphertext
      sent.push_back(frame);
      frame.delta = false;  // depayloaders tell nothing
      push(recording, Media::kVideo,
           "video/x-" + codec + ", stream-format=(string)byte-stream, alignment=(string)au", frame);
    }
    recording.finish("left");
    const std::string name = told_.started.back();
    const File file = read_file(folder_ / name);
    EXPECT_EQ(file.error, "");
    ASSERT_EQ(file.video().frames.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); i++) {
      ASSERT_EQ(file.video().frames[i].bytes, sent[i].bytes) << i;
      ASSERT_EQ(file.video().frames[i].delta, sent[i].delta) << i;
      ASSERT_EQ(file.video().frames[i].pts, sent[i].pts);
    }
    EXPECT_EQ(Seal::from_json(file.comment).streams[0].caps,
              "video/x-" + codec + ", stream-format=(string)byte-stream, alignment=(string)au");
  }
}

// No byte of these is clear, so the flags tell what a key frame is, and nobody knows the size.
TEST_F(SealedRecordingTest, TrustsFlagsWhereNothingIsClear) {
  const std::pair<const char *, const char *> cases[] = {
      {"livekit", "vp9"}, {"sframe", "vp9"}, {"sframe-pure", "vp8"}};
  for (const auto &[scheme, codec] : cases) {
    auto about = settings("sframe");
    if (std::string{scheme} == "sframe-pure")
      about.seal->clear_header = "none";
    else
      about.seal->scheme = scheme;
    Recording recording{about};
    std::vector<Frame> sent;
    for (unsigned i = 0; i < 30; i++) {
      // Looks like a key frame of VP8 where it is none, and the other way round.
      sent.push_back(
          {make_bytes(Media::kVideo, i), i * GstClockTime{40} * GST_MSECOND, i % 10 != 0});
      sent.back().bytes[0] = sent.back().delta ? 0x82 : 0x01;
      push(recording, Media::kVideo, std::string{"video/x-"} + codec, sent.back());
    }
    recording.finish("left");
    const File file = read_file(folder_ / told_.started.back());
    ASSERT_EQ(file.video().frames.size(), 30U);
    for (unsigned i = 0; i < 30; i++) {
      EXPECT_EQ(file.video().frames[i].bytes, sent[i].bytes);
      EXPECT_EQ(file.video().frames[i].delta, sent[i].delta) << scheme << " " << i;
    }
  }
}

}  // namespace
