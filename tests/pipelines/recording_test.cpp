/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Recordings of ciphertext: no key is needed to make one, and with the key it is the call again.
#include <ostream>

#include "holding.h"
#include "support/files.h"

namespace e2ee::test {
namespace {

struct Recording {
  std::string name;
  std::string muxer;
  std::string encoder;
  std::string decoder;
  std::size_t clear_key;
  std::size_t clear_delta;
};

void PrintTo(const Recording &recording, std::ostream *to) {
  *to << recording.name;
}

std::string audio_branch() {
  return " audiotestsrc samplesperbuffer=960 num-buffers=" + std::to_string(frames(200)) +
         " ! audio/x-raw, rate=48000, channels=2 ! opusenc name=audio ! "
         "e2eeencrypt name=audio_encrypt ! queue ! mux. ";
}

std::string recorder(const Recording &recording, const std::string &path) {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames(200)) +
         " ! video/x-raw, format=I420, framerate=30/1, width=320, height=240 ! " +
         recording.encoder +
         " name=video ! tee name=split ! queue ! e2eeencrypt name=video_encrypt ! queue ! " +
         recording.muxer + " name=mux ! filesink location=" + path + audio_branch() +
         "split. ! queue ! " + recording.decoder + " name=seen ! fakesink sync=false";
}

std::string player(const Recording &recording, const std::string &path) {
  return "filesrc location=" + path +
         " ! matroskademux name=demux "
         "demux.video_0 ! queue ! e2eedecrypt name=video ! " +
         recording.decoder +
         " name=seen ! fakesink sync=false "
         "demux.audio_0 ! queue ! e2eedecrypt name=audio ! opusdec name=heard ! "
         "fakesink sync=false";
}

class SealedRecording : public testing::TestWithParam<Recording> {};

}  // namespace

TEST_P(SealedRecording, OpensToWhatWasSaid) {
  const Provider provider = raw_provider(0x77, 1);
  const KeyFile file("recorded", "");
  Pipeline record(recorder(GetParam(), file.path()), provider);
  const Tap &video = record.tap("video");
  const Tap &video_sealed = record.tap("video_encrypt");
  const Tap &audio = record.tap("audio");
  const Tap &pictures = record.tap("seen");
  ASSERT_TRUE(record.run());
  record.stop();
  expect_sealed(video_sealed.frames(), video.frames(), GetParam().clear_key,
                GetParam().clear_delta);

  Pipeline play(player(GetParam(), file.path()), provider);
  const Tap &video_opened = play.tap("video");
  const Tap &audio_opened = play.tap("audio");
  const Tap &pictures_again = play.tap("seen");
  const Tap &heard = play.tap("heard");
  ASSERT_TRUE(play.run());
  ASSERT_GE(video.size(), frames(200));
  ASSERT_GE(audio.size(), frames(200));
  expect_equal(video_opened.contents(), video.contents());
  expect_equal(audio_opened.contents(), audio.contents());
  EXPECT_EQ(pictures.size(), video.size());
  expect_equal(pictures_again.contents(), pictures.contents());
  EXPECT_GT(heard.size(), 0U);
}

TEST_P(SealedRecording, SaysNothingWithoutTheKey) {
  const KeyFile file("recorded", "");
  Pipeline record(recorder(GetParam(), file.path()), raw_provider(0x77, 1));
  const Tap &video = record.tap("video");
  ASSERT_TRUE(record.run());
  record.stop();

  for (guint index : {1U, 2U}) {
    Pipeline play(player(GetParam(), file.path()), raw_provider(0x78, index));
    const Tap &opened = play.tap("video");
    const Tap &audio_opened = play.tap("audio");
    ASSERT_TRUE(play.run()) << "drops are not errors";
    EXPECT_EQ(opened.size(), 0U);
    EXPECT_EQ(audio_opened.size(), 0U);
    EXPECT_EQ(play.stat("video", index == 1 ? "dropped-auth" : "dropped-missing-key"),
              video.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Containers, SealedRecording,
    testing::Values(
        Recording{"vp8_matroska", "matroskamux", "vp8enc deadline=1 cpu-used=16", "vp8dec", 10, 3},
        Recording{"vp8_webm", "webmmux", "vp8enc deadline=1 cpu-used=16", "vp8dec", 10, 3},
        Recording{"vp9_matroska", "matroskamux", "vp9enc deadline=1 cpu-used=8", "vp9dec", 0, 0},
        Recording{"vp9_webm", "webmmux", "vp9enc deadline=1 cpu-used=8", "vp9dec", 0, 0}),
    [](const auto &test) { return test.param.name; });

}  // namespace e2ee::test
