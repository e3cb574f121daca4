// SPDX-License-Identifier: LGPL-2.1-or-later
// What the command line means, and what is known of codecs before anything runs.
#include "publish/options.h"

#include <fstream>
#include <vector>

#include "common/secrets.h"
#include "livekit/encryption.h"
#include "pipeline.h"
#include "publish/announcement.h"
#include "publish/format.h"
#include "publish/keyframe.h"
#include "publish/sdp.h"
#include "recorder/files.h"

namespace publish {
namespace {

const std::vector<std::string> kLeast = {"e2ee-publish",
                                         "--source",
                                         "videotestsrc",
                                         "--livekit",
                                         "ws://127.0.0.1",
                                         "--key-provider",
                                         "shared,passphrase-file=x"};

Options parse(const std::vector<std::string> &more) {
  std::vector<std::string> words = kLeast;
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

std::string refused(const std::vector<std::string> &more) {
  return refusal_of([&] { parse(more); });
}

TEST(OptionsTest, Defaults) {
  const Options options = parse({});
  EXPECT_EQ(options.scheme, "livekit");
  EXPECT_EQ(options.encode.video, Codec::kVp8);
  EXPECT_EQ(options.encode.width, 1280U);
  ASSERT_EQ(options.sources.size(), 1U);
  EXPECT_EQ(options.sources[0].kind, wire::UNKNOWN);
}

TEST(OptionsTest, SourcesSayWhatTheyAre) {
  const Options options = parse({"--source", "screen=ximagesrc", "-s", "microphone=pulsesrc"});
  ASSERT_EQ(options.sources.size(), 3U);
  EXPECT_EQ(options.sources[1].kind, wire::SCREEN_SHARE);
  EXPECT_EQ(options.sources[1].line, "ximagesrc");
  EXPECT_EQ(options.sources[2].kind, wire::MICROPHONE);
}

TEST(OptionsTest, SourcesOfAFile) {
  const recorder::Folder folder;
  const std::string file = folder / "sources";
  std::ofstream(file) << "# what this room shows\n\n  screen=ximagesrc  \nrtspsrc user-pw=secret\n";
  const Options options = parse({"--sources-file", file});
  ASSERT_EQ(options.sources.size(), 3U);
  EXPECT_EQ(options.sources[1].line, "ximagesrc");
  EXPECT_EQ(options.sources[2].line, "rtspsrc user-pw=secret");
  EXPECT_NE(refused({"--sources-file", folder / "none"}).find("none"), std::string::npos);
}

TEST(OptionsTest, PasswordsDoNotShow) {
  const std::pair<const char *, const char *> texts[] = {
      {"uridecodebin uri=rtsp://admin:pass@192.0.2.1/a",
       "uridecodebin uri=rtsp://(hidden)@192.0.2.1/a"},
      {"uri=rtsp://admin:p@ss@192.0.2.1/a", "uri=rtsp://(hidden)@192.0.2.1/a"},
      {"rtspsrc user-id=admin user-pw=pass latency=0",
       "rtspsrc user-id=admin user-pw=(hidden) latency=0"},
      {"rtspsrc user-pw = \"a b\" ! x", "rtspsrc user-pw=(hidden) ! x"},
      {"x password=y", "x password=(hidden)"},
      {"videotestsrc pattern=ball", "videotestsrc pattern=ball"},
  };
  for (const auto &[given, shown] : texts)
    EXPECT_EQ(examples::without_passwords(given), shown);
}

TEST(OptionsTest, Encoding) {
  const Options options =
      parse({"--codec", "h264", "--size", "640x480", "--frame-rate", "15", "--bitrate", "800"});
  EXPECT_EQ(options.encode.video, Codec::kH264);
  EXPECT_EQ(options.encode.height, 480U);
  EXPECT_EQ(options.encode.frame_rate, 15U);
  EXPECT_EQ(options.encode.bitrate, 800U);
}

TEST(OptionsTest, MistakesAreNamed) {
  const std::pair<std::vector<std::string>, const char *> mistakes[] = {
      {{"--codec", "opus"}, "--codec"},
      {{"--codec", "av1"}, "--codec"},
      {{"--size", "640"}, "--size"},
      {{"--size", "640x480x2"}, "--size"},
      {{"--size", "0x480"}, "--size"},
      {{"--bitrate", "0"}, "--bitrate"},
      {{"--frame-rate", "1000"}, "--frame-rate"},
      {{"--seconds", "-1"}, "--seconds"},
      {{"--seconds", "nan"}, "--seconds"},
      {{"--scheme", "none"}, "--scheme"},
      {{"--source", " "}, "--source"},
      {{"--source", "screen="}, "--source"},
      {{"word"}, "word"},
  };
  for (const auto &[words, named] : mistakes)
    EXPECT_NE(refused(words).find(named), std::string::npos) << words[0] << ": " << refused(words);
}

examples::CapsPtr caps(const char *text) {
  return examples::CapsPtr(gst_caps_from_string(text));
}

TEST(FormatTest, EveryProfileThatClientsDecode) {
  const std::pair<const char *, const char *> profiles[] = {
      {"constrained-baseline", "42e01f"},
      {"baseline", "42001f"},
      {"main", "4d001f"},
      {"high", "640032"},
      {"constrained-high", "640032"},
  };
  for (const auto &[profile, id] : profiles) {
    const auto given = caps((std::string("video/x-h264,profile=") + profile).c_str());
    EXPECT_EQ(format_of(Codec::kH264, given.get()).profile_level_id, id) << profile;
  }
}

TEST(FormatTest, OtherProfilesAreRefused) {
  for (const char *profile : {"high-10", "high-4:2:2", "high-4:4:4", "stereo-high"}) {
    const auto given = caps((std::string("video/x-h264,profile=") + profile).c_str());
    EXPECT_NE(refusal_of([&] { format_of(Codec::kH264, given.get()); }).find(profile),
              std::string::npos);
  }
}

TEST(FormatTest, RtpCapsCanBeParsed) {
  for (const Codec codec : {Codec::kVp8, Codec::kVp9, Codec::kH264, Codec::kOpus}) {
    const Format format{.codec = codec, .profile_level_id = "42e01f"};
    const auto given = caps(rtp_caps(format, 4000000000U).c_str());
    ASSERT_TRUE(given) << info_of(codec).name;
    const GstStructure *structure = gst_caps_get_structure(given.get(), 0);
    guint ssrc = 0;
    EXPECT_TRUE(gst_structure_get_uint(structure, "ssrc", &ssrc));
    EXPECT_EQ(ssrc, 4000000000U);
    EXPECT_STREQ(gst_structure_get_string(structure, "encoding-name"), info_of(codec).encoding);
  }
}

TEST(KeyFrameTest, Vp9Headers) {
  const auto of = [](std::uint8_t first) { return is_key_frame(Codec::kVp9, &first, 1); };
  EXPECT_TRUE(of(0b10000000));   // profile 0
  EXPECT_FALSE(of(0b10000100));  // delta
  EXPECT_FALSE(of(0b10001000));  // shows an existing frame
  EXPECT_TRUE(of(0b10110000));   // profile 3 has a reserved bit
  EXPECT_FALSE(of(0b10110010));
  EXPECT_FALSE(of(0b01000000));  // no frame marker
  EXPECT_FALSE(is_key_frame(Codec::kVp9, nullptr, 0));
  const std::uint8_t first[] = {0b10100000, 0b10010000, 0b10110000};
  EXPECT_EQ(vp9_profile(&first[0], 1), 1U);
  EXPECT_EQ(vp9_profile(&first[1], 1), 2U);
  EXPECT_EQ(vp9_profile(&first[2], 1), 3U);
}

TEST(KeyFrameTest, H264NeedsBothParameterSets) {
  const std::uint8_t whole[] = {0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 1};
  EXPECT_TRUE(is_key_frame(Codec::kH264, whole, sizeof whole));
  EXPECT_FALSE(is_key_frame(Codec::kH264, whole + 6, sizeof whole - 6));    // no SPS
  EXPECT_FALSE(is_key_frame(Codec::kH264, whole + 11, sizeof whole - 11));  // neither
  EXPECT_FALSE(is_key_frame(Codec::kH264, whole, 10));                      // no picture
  for (std::size_t size = 0; size < sizeof whole; ++size)
    is_key_frame(Codec::kH264, whole, size);
}

TEST(AnnouncementTest, EveryTrackIsEncryptedAndWithoutRed) {
  for (const Codec codec : {Codec::kVp8, Codec::kVp9, Codec::kH264, Codec::kOpus}) {
    const wire::AddTrack add = announcement(
        {.format = {.codec = codec, .width = 640, .height = 360, .profile_level_id = {}}}, "cid");
    EXPECT_EQ(add.encryption(), wire::GCM);
    EXPECT_TRUE(add.disable_red());
    EXPECT_EQ(add.cid(), "cid");
    EXPECT_EQ(add.layers_size(), codec == Codec::kOpus ? 0 : 1);
  }
}

// Clients that know GCM alone would take it for LiveKit's own.
TEST(AnnouncementTest, AnotherSchemeIsAnnouncedAsSuch) {
  EXPECT_EQ(livekit::encryption_of("livekit"), wire::GCM);
  for (const char *scheme : {"jitsi", "realtimekit", "sframe"}) {
    const wire::AddTrack add =
        announcement({.format = {.codec = Codec::kOpus, .profile_level_id = {}},
                      .encryption = livekit::encryption_of(scheme)},
                     "cid");
    EXPECT_EQ(add.encryption(), wire::CUSTOM) << scheme;
  }
}

constexpr const char *kSdp =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=msid:stream track-1\r\na=sendonly\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ssrc:7 cname:x\r\na=ssrc:7 msid:stream track-2\r\n"
    "m=video 0 UDP/TLS/RTP/SAVPF 98\r\na=inactive\r\n";

TEST(SdpTest, TracksAreFoundInEitherForm) {
  EXPECT_EQ(track_ids(kSdp), (std::vector<std::string>{"track-1", "track-2", ""}));
}

TEST(SdpTest, RejectedSectionsAreSeen) {
  EXPECT_EQ(accepted(kSdp), (std::vector<bool>{true, true, false}));
}

TEST(SdpTest, WhatIsNoneHasNoSections) {
  EXPECT_TRUE(track_ids("").empty());
  EXPECT_TRUE(accepted("nonsense").empty());
}

}  // namespace
}  // namespace publish
