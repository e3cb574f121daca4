/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.264 and H.265 of real encoders through the stock payloaders and depayloaders.
#include <algorithm>
#include <map>
#include <ostream>

#include "support/files.h"
#include "support/nalunits.h"
#include "support/pipeline.h"

namespace e2ee::test {
namespace {

constexpr unsigned kFrames = 600;

struct H26xCase {
  std::string name;
  bool h265;
  std::string encoder;    // with the caps behind it
  std::string format;     // caps between encryptor and payloader
  std::string payloader;  // properties
  unsigned key_index;
};

void PrintTo(const H26xCase &route, std::ostream *to) {
  *to << route.name;
}

std::string source(unsigned count, const char *pattern = "ball") {
  return "videotestsrc num-buffers=" + std::to_string(frames(count)) + " pattern=" + pattern +
         " ! video/x-raw, format=I420, framerate=30/1, width=128, height=96 ! ";
}

struct Encoder {
  const char *name;
  bool h265;
  const char *line;
};

constexpr char kX264[] = "x264enc name=encoder speed-preset=ultrafast key-int-max=25 ";
const Encoder kEncoders[] = {
    {"x264", false, "x264enc name=encoder speed-preset=ultrafast key-int-max=25"},
    {"x264_aud_slices", false,
     "x264enc name=encoder speed-preset=veryfast key-int-max=25 aud=true bitrate=900 "
     "option-string=slices=4"},
    {"x264_avc", false,
     "x264enc name=encoder speed-preset=ultrafast key-int-max=25 option-string=slices=3 ! "
     "video/x-h264, stream-format=avc"},
    {"x264_b_frames", false,
     "x264enc name=encoder speed-preset=ultrafast key-int-max=25 bframes=2 b-adapt=false"},
    {"openh264", false, "openh264enc name=encoder gop-size=25"},
    {"openh264_slices", false,
     "openh264enc name=encoder gop-size=25 slice-mode=n-slices num-slices=3 bitrate=900000"},
    {"x265", true, "x265enc name=encoder speed-preset=ultrafast key-int-max=25"},
    {"x265_aud_slices", true,
     "x265enc name=encoder speed-preset=ultrafast key-int-max=25 option-string=aud=1:slices=3"},
    {"x265_hvc1", true,
     "x265enc speed-preset=ultrafast key-int-max=25 ! h265parse name=encoder ! "
     "video/x-h265, stream-format=hvc1, alignment=au"},
};

const char *const kPayloaders[] = {
    "config-interval=0 aggregate-mode=none",
    "config-interval=1 aggregate-mode=zero-latency mtu=300",
    "config-interval=-1 aggregate-mode=2",  // all that fits, under a name of its own for each
    "config-interval=-1 aggregate-mode=none mtu=600",
    "config-interval=1 aggregate-mode=none",
    "config-interval=0 aggregate-mode=zero-latency",
};

// Each encoder with each of the first three payloaders under key index 0, and in turns with the
// others and as a byte stream.
std::vector<H26xCase> routes() {
  std::vector<H26xCase> all;
  std::size_t turn = 0;
  for (const Encoder &encoder : kEncoders) {
    const auto add = [&](const char *what, const char *format, const char *payloader,
                         unsigned key_index) {
      all.push_back({std::string(encoder.name) + what + "_" + std::to_string(turn), encoder.h265,
                     encoder.line, format, payloader, key_index});
      ++turn;
    };
    for (std::size_t i = 0; i < 3; ++i)
      add("", "", kPayloaders[i], 0);
    add("_key", "", kPayloaders[3 + turn % 3], 1 + turn % 15);
    add("_stream",
        " ! capsfilter caps=\"video/x-h264,stream-format=byte-stream; "
        "video/x-h265,stream-format=byte-stream\"",
        kPayloaders[turn % 6], turn % 2 == 0 ? 0 : 12);
  }
  return all;
}

// ---- NAL units
// -----------------------------------------------------------------------------------

using nal::is_parameter_set;
using nal::units_of_lengths;
using nal::units_of_stream;

// Encoders' words about themselves may go, and parameter sets of the caps come.
std::vector<Bytes> essential(std::vector<Bytes> units, bool h265, bool without_sets) {
  std::erase_if(units, [&](const Bytes &unit) {
    return (!h265 && unit.size() > 1 && unit[0] == 6 && unit[1] == 5) ||
           (without_sets && is_parameter_set(unit, h265));
  });
  return units;
}

class H26xRoute : public testing::TestWithParam<H26xCase> {
 protected:
  static void TearDownTestSuite() {
    for (const auto &[codec, count] : s_frames)
      std::printf("%s through RTP: %zu frames equal\n", codec.c_str(), count);
  }
  void expect_equal_units(const std::vector<Bytes> &opened, const std::vector<Bytes> &plain);
  std::string launch() const;

  static std::map<std::string, std::size_t> s_frames;
};
std::map<std::string, std::size_t> H26xRoute::s_frames;

std::string H26xRoute::launch() const {
  const H26xCase &route = GetParam();
  const std::string codec = route.h265 ? "h265" : "h264";
  return source(kFrames) + route.encoder + " ! e2eeencrypt name=encrypt" + route.format + " ! rtp" +
         codec + "pay name=pay " + route.payloader + " ! rtp" + codec +
         "depay ! e2eedecrypt name=decrypt ! " + codec + "parse ! " +
         (route.h265 ? "libde265dec" : "openh264dec") + " name=decoder ! fakesink sync=false";
}

void H26xRoute::expect_equal_units(const std::vector<Bytes> &opened,
                                   const std::vector<Bytes> &plain) {
  const bool h265 = GetParam().h265;
  const bool lengths = GetParam().encoder.find("stream-format") != std::string::npos;
  ASSERT_EQ(opened.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const std::vector<Bytes> sent =
        lengths ? units_of_lengths(plain[i]) : units_of_stream(plain[i]);
    const std::vector<Bytes> got = units_of_stream(opened[i]);
    ASSERT_EQ(essential(got, h265, lengths), essential(sent, h265, lengths)) << "frame " << i;
    ASSERT_FALSE(got.empty());
    const bool key = std::any_of(got.begin(), got.end(), [&](const Bytes &unit) {
      return nal::is_key_slice(unit[0], h265);
    });
    const bool sets = std::any_of(got.begin(), got.end(),
                                  [&](const Bytes &unit) { return is_parameter_set(unit, h265); });
    // Whoever joins here can decode, whatever the payloader added.
    if (i == 0 || lengths) {
      ASSERT_EQ(key, sets) << "frame " << i;
    }
  }
}

}  // namespace

TEST_P(H26xRoute, FramesAreEqual) {
  Pipeline pipeline(launch(), raw_provider(0x26, GetParam().key_index));
  const Tap &plain = pipeline.tap("encoder");
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("decrypt");
  const Tap &decoded = pipeline.tap("decoder");
  ASSERT_TRUE(pipeline.run(120));
  ASSERT_GE(plain.size(), frames(kFrames));
  expect_equal_units(opened.contents(), plain.contents());
  EXPECT_EQ(pipeline.stat("decrypt", "dropped-auth"), 0U);
  EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), plain.size());
  EXPECT_EQ(pipeline.stat("decrypt", "passed-plaintext"), 0U);
  EXPECT_EQ(decoded.size(), plain.size());
  // Nothing of a frame but the start of its first slice is in the clear.
  const std::vector<Bytes> plains = plain.contents();
  const std::vector<Bytes> seals = sealed.contents();
  for (std::size_t i = 0; i < plains.size(); ++i) {
    const auto tail = plains[i].end() - std::min<std::ptrdiff_t>(plains[i].size() / 2, 12);
    ASSERT_EQ(std::search(seals[i].begin(), seals[i].end(), tail, plains[i].end()), seals[i].end());
  }
  s_frames[GetParam().h265 ? "H.265" : "H.264"] += HasFailure() ? 0 : plain.size();
}

INSTANTIATE_TEST_SUITE_P(Routes, H26xRoute, testing::ValuesIn(routes()),
                         [](const auto &test) { return test.param.name; });

// It takes parameter sets out of the frames, so that the clear bytes are not what was sealed.
TEST(H26xDepayloader, FramesWithLengthsOpenToo) {
  for (bool h265 : {false, true}) {
    const std::string codec = h265 ? "h265" : "h264";
    const std::string encoder = h265 ? "x265enc speed-preset=ultrafast key-int-max=25 name=encoder"
                                     : std::string(kX264) + "aud=false";
    Pipeline pipeline(source(kFrames) + encoder + " ! e2eeencrypt ! rtp" + codec + "pay ! rtp" +
                          codec + "depay ! video/x-" + codec +
                          ", stream-format=" + (h265 ? "hvc1" : "avc") +
                          " ! e2eedecrypt name=decrypt ! fakesink " + "sync=false",
                      raw_provider(0x26));
    const Tap &plain = pipeline.tap("encoder");
    const Tap &opened = pipeline.tap("decrypt");
    ASSERT_TRUE(pipeline.run());
    EXPECT_EQ(pipeline.stat("decrypt", "frames-in"), plain.size());
    EXPECT_EQ(pipeline.stat("decrypt", "dropped-auth"), 0U);
    EXPECT_EQ(pipeline.stat("decrypt", "dropped-malformed"), 0U);
    ASSERT_EQ(opened.size(), plain.size()) << codec;
    const std::vector<Bytes> got = opened.contents();
    const std::vector<Bytes> wanted = plain.contents();
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(essential(units_of_stream(got[i]), h265, false),
                essential(units_of_stream(wanted[i]), h265, false))
          << codec << " frame " << i;
  }
}

// Sealed frames in a file, as lengths, come out as a byte stream.
TEST(H26xRecording, MatroskaKeepsSealedFrames) {
  const Folder folder;
  for (bool h265 : {false, true}) {
    const std::string encoder =
        h265 ? "x265enc speed-preset=ultrafast key-int-max=25 name=encoder" : std::string(kX264);
    const std::string file = folder / (h265 ? "h265.mkv" : "h264.mkv");
    std::vector<Bytes> plain;
    {
      Pipeline pipeline(
          source(100) + encoder + " ! e2eeencrypt ! matroskamux ! filesink location=" + file,
          raw_provider(0x26));
      const Tap &tap = pipeline.tap("encoder");
      ASSERT_TRUE(pipeline.run());
      plain = tap.contents();
    }
    Pipeline pipeline("filesrc location=" + file +
                          " ! matroskademux ! e2eedecrypt name=decrypt ! fakesink sync=false",
                      raw_provider(0x26));
    const Tap &opened = pipeline.tap("decrypt");
    ASSERT_TRUE(pipeline.run());
    ASSERT_EQ(opened.size(), plain.size());
    const std::vector<Bytes> frames = opened.contents();
    for (std::size_t i = 0; i < frames.size(); ++i)
      EXPECT_EQ(essential(units_of_stream(frames[i]), h265, false),
                essential(units_of_stream(plain[i]), h265, false));
  }
}

// Encryption is off: what leaves is in the format of the caps all the same.
TEST(H26xDisabled, FramesDecodeInTheClear) {
  for (const char *format : {"byte-stream", "avc"}) {
    Pipeline pipeline(source(60) + kX264 + " ! video/x-h264, stream-format=" + format +
                          " ! e2eeencrypt enabled=false name=encrypt ! rtph264pay ! rtph264depay ! "
                          "e2eedecrypt enabled=false name=decrypt ! h264parse ! openh264dec "
                          "name=decoder ! fakesink sync=false",
                      raw_provider(0x26));
    const Tap &plain = pipeline.tap("encoder");
    const Tap &decoded = pipeline.tap("decoder");
    ASSERT_TRUE(pipeline.run());
    EXPECT_EQ(decoded.size(), plain.size());
    EXPECT_EQ(pipeline.stat("encrypt", "passed-plaintext"), plain.size());
  }
}

}  // namespace e2ee::test
