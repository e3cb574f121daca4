/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Every scheme with every codec, through stock payloaders and our own: what the elements carry
// comes back equal, what they refuse says so. Prints the matrix.
#include <map>

#include "payloader.h"
#include "support/element.h"
#include "support/nalunits.h"

namespace e2ee::test {
namespace {

struct Codec {
  const char *name;
  const char *encoder;  // what to append num-buffers to, and the rest
  const char *rest;
  const char *stock_pay;
  const char *stock_depay;
};

constexpr char kVideo[] = "videotestsrc pattern=ball";
constexpr char kSmall[] = " ! video/x-raw,format=I420,width=160,height=120,framerate=30/1 ! ";

const Codec kCodecs[] = {
    {"VP8", kVideo, "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=100", "rtpvp8pay",
     "rtpvp8depay"},
    {"VP9", kVideo, "vp9enc deadline=1 cpu-used=8 keyframe-max-dist=100", "rtpvp9pay",
     "rtpvp9depay"},
    {"Opus", "audiotestsrc wave=pink-noise samplesperbuffer=960", "opusenc", "rtpopuspay",
     "rtpopusdepay"},
    {"H.264", kVideo,
     "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100 ! "
     "video/x-h264,stream-format=byte-stream",
     "rtph264pay aggregate-mode=zero-latency", "rtph264depay"},
    {"H.265", kVideo,
     "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=100 ! "
     "video/x-h265,stream-format=byte-stream",
     "rtph265pay aggregate-mode=zero-latency", "rtph265depay"},
    {"AV1", kVideo, "av1enc usage-profile=realtime cpu-used=10 keyframe-max-dist=100", "rtpav1pay",
     "rtpav1depay"},
};

// whole: our payloaders with SFrame over RTP.
enum class How { stock, own, whole, refused };

struct Cell {
  const char *scheme;
  const char *options;  // of both elements
  const char *codec;
  How how;
};

constexpr char kPure[] = " clear-header=none";
constexpr char kCamera[] =
    " nal-format=length4 sframe-suite=6 sframe-ratchet-bits=8 sframe-ssrc=77";

const Cell kCells[] = {
    {"livekit", "", "VP8", How::stock},
    {"livekit", "", "VP8", How::own},
    {"livekit", "", "VP9", How::own},
    {"livekit", "", "Opus", How::stock},
    {"livekit", "", "Opus", How::own},
    {"livekit", "", "H.264", How::stock},
    {"livekit", "", "H.265", How::stock},
    {"realtimekit", "", "VP8", How::stock},
    {"realtimekit", "", "VP8", How::own},
    {"realtimekit", "", "VP9", How::stock},
    {"realtimekit", "", "VP9", How::own},
    {"realtimekit", "", "Opus", How::stock},
    {"realtimekit", "", "Opus", How::own},
    {"jitsi", "", "VP8", How::stock},
    {"jitsi", "", "VP8", How::own},
    {"jitsi", "", "VP9", How::stock},
    {"jitsi", "", "VP9", How::own},
    {"jitsi", "", "Opus", How::stock},
    {"jitsi", "", "Opus", How::own},
    {"sframe", "", "VP8", How::own},
    {"sframe", kPure, "VP8", How::own},
    {"sframe", "", "VP9", How::own},
    {"sframe", "", "Opus", How::stock},
    {"sframe", "", "Opus", How::own},
    {"sframe", "", "VP8", How::whole},
    {"sframe", "", "VP9", How::whole},
    {"sframe", "", "Opus", How::whole},
    {"sframe", "", "H.264", How::whole},
    {"sframe", "", "H.265", How::whole},
    {"sframe", "", "AV1", How::whole},
    {"sframe", kCamera, "H.264", How::whole},
    {"sframe", kCamera, "H.265", How::whole},
    {"realtimekit", "", "H.264", How::refused},
    {"realtimekit", "", "H.265", How::refused},
    {"jitsi", "", "H.264", How::refused},
    {"jitsi", "", "H.265", How::refused},
    {"sframe", "", "H.264", How::refused},
    {"sframe", "", "H.265", How::refused},
    {"livekit", "", "AV1", How::refused},
    {"realtimekit", "", "AV1", How::refused},
    {"jitsi", "", "AV1", How::refused},
    {"sframe", "", "AV1", How::refused},
};

const char *name_of(How how) {
  static const char *const kNames[] = {"stock", "own", "whole", "refused"};
  return kNames[static_cast<int>(how)];
}

// Behind `space`, where there is a name for the options.
std::string variant_of(const Cell &cell, const char *space) {
  const std::string options = cell.options;
  if (options.empty())
    return "";
  return std::string(space) + (options == kPure ? "pure" : "camera");
}

std::string test_name(const Cell &cell) {
  std::string name =
      std::string(cell.scheme) + variant_of(cell, "_") + "_" + cell.codec + "_" + name_of(cell.how);
  std::erase(name, '.');
  return name;
}

const Codec *codec_of(const char *name) {
  for (const Codec &codec : kCodecs) {
    if (std::string(codec.name) == name)
      return &codec;
  }
  return nullptr;
}

/// Encoded once for all cells.
const Encoded &frames_of(const Codec &codec) {
  static std::map<std::string, Encoded> cache;
  auto [at, is_new] = cache.try_emplace(codec.name);
  if (is_new)
    at->second =
        encode(std::string(codec.encoder) + " num-buffers=" + std::to_string(frames(2000)) +
               (codec.encoder == kVideo ? kSmall : " ! ") + codec.rest);
  return at->second;
}

class Matrix : public testing::TestWithParam<Cell> {
 protected:
  static void TearDownTestSuite() {
    printf("\n%-12s %-8s %-8s %10s %10s\n", "scheme", "codec", "through", "frames", "equal");
    for (const std::string &line : lines())
      printf("%s\n", line.c_str());
    printf("\n");
    lines().clear();
  }
  static std::vector<std::string> &lines() {
    static std::vector<std::string> lines;
    return lines;
  }
  void note(const std::string &count, const std::string &result) {
    const Cell &cell = GetParam();
    const std::string scheme = std::string(cell.scheme) + variant_of(cell, " ");
    char line[128];
    g_snprintf(line, sizeof line, "%-15s %-6s %-8s %9s %10s", scheme.c_str(), cell.codec,
               name_of(cell.how), count.c_str(), result.c_str());
    lines().push_back(line);
  }
  std::string element(const char *factory, const char *name) const {
    return std::string(factory) + " name=" + name + " scheme=" + GetParam().scheme +
           GetParam().options;
  }
  void expect_carried();
  void expect_refused();
};

bool is_h264(const Codec &codec) {
  return std::string(codec.name) == "H.264";
}
bool is_h265(const Codec &codec) {
  return std::string(codec.name) == "H.265";
}

/// What must come back: frames, but of H.264 and H.265 their NAL units without the encoder's words
/// about itself, whatever start codes they have. `sets`: with parameter sets.
std::vector<Bytes> pictures_of(const Codec &codec, bool sets, std::vector<Bytes> frames) {
  if (!is_h264(codec) && !is_h265(codec))
    return frames;
  for (Bytes &frame : frames) {
    std::vector<Bytes> units = nal::units_of_stream(frame);
    std::erase_if(units, [&](const Bytes &unit) {
      return (is_h264(codec) && unit.size() > 1 && unit[0] == 6 && unit[1] == 5) ||
             (!sets && nal::is_parameter_set(unit, is_h265(codec)));
    });
    frame = nal::stream_of(units);
  }
  return frames;
}

std::size_t key_frames_without_sets(const Codec &codec, const std::vector<Bytes> &frames) {
  return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), [&](const Bytes &f) {
    const std::vector<Bytes> units = nal::units_of_stream(f);
    const auto any = [&](bool (*is)(const Bytes &unit, bool h265)) {
      return std::any_of(units.begin(), units.end(),
                         [&](const Bytes &unit) { return is(unit, is_h265(codec)); });
    };
    return any([](const Bytes &unit, bool h265) { return nal::is_key_slice(unit[0], h265); }) &&
           !any(nal::is_parameter_set);
  }));
}

void push_all(Pipeline &pipeline, const Encoded &encoded) {
  GstElement *source = pipeline.get("in");
  for (const Buffer &frame : encoded.frames) {
    GstFlowReturn flow = GST_FLOW_OK;
    // The element gets frames as an encoder hands them out: nobody else has them.
    GstBuffer *copy = gst_buffer_copy_deep(frame.get());
    g_signal_emit_by_name(source, "push-buffer", copy, &flow);
    gst_buffer_unref(copy);
  }
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name(source, "end-of-stream", &flow);
}

void Matrix::expect_carried() {
  const Cell &cell = GetParam();
  const Codec &codec = *codec_of(cell.codec);
  const std::string format = cell.how == How::whole ? " payload-format=sframe" : "";
  const bool own = cell.how != How::stock;
  const Encoded &encoded = frames_of(codec);
  Pipeline pipeline(std::string("appsrc name=in format=time max-bytes=0 ! ") +
                        element("e2eeencrypt", "enc") + " ! " +
                        (own ? "rtpe2eepay ssrc=77" + format : codec.stock_pay) + " ! " +
                        (own ? "rtpe2eedepay" + format : codec.stock_depay) + " ! " +
                        element("e2eedecrypt", "dec") + " ! fakesink sync=false",
                    raw_provider(0x6d, 1));
  const Caps caps(gst_caps_from_string(encoded.caps.c_str()));
  g_object_set(pipeline.get("in"), "caps", caps.get(), nullptr);
  Tap &sent = pipeline.tap("enc", "sink");
  Tap &got = pipeline.tap("dec", "src");
  push_all(pipeline, encoded);
  pipeline.run();
  EXPECT_GE(encoded.frames.size(), frames(2000));
  EXPECT_EQ(sent.size(), encoded.frames.size());
  // x265enc writes parameter sets once; receivers of SFrame over RTP need them in each key frame.
  const bool sets = cell.how != How::whole;
  if (!sets && (is_h264(codec) || is_h265(codec))) {
    EXPECT_EQ(key_frames_without_sets(codec, got.contents()), 0U);
  }
  const std::vector<Bytes> wanted = pictures_of(codec, sets, sent.contents());
  const std::vector<Bytes> came = pictures_of(codec, sets, got.contents());
  expect_equal(came, wanted);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < std::min(came.size(), wanted.size()); ++i)
    equal += came[i] == wanted[i];
  note(std::to_string(wanted.size()), std::to_string(equal));
}

const std::map<std::string, const char *> kCodecCaps = {
    {"VP8", kVp8},
    {"VP9", kVp9},
    {"Opus", kOpus},
    {"H.264", "video/x-h264,stream-format=byte-stream,alignment=au"},
    {"H.265", "video/x-h265,stream-format=byte-stream,alignment=au"},
    {"AV1", "video/x-av1,stream-format=obu-stream,alignment=tu"}};

bool has_cell(const Cell &like, How how) {
  return std::any_of(std::begin(kCells), std::end(kCells), [&](const Cell &cell) {
    return std::string(cell.scheme) == like.scheme && std::string(cell.options) == like.options &&
           std::string(cell.codec) == like.codec && cell.how == how;
  });
}

void Matrix::expect_refused() {
  const Cell &cell = GetParam();
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element refusing(factory, raw_provider(0x6e));
    refusing.set("scheme", cell.scheme);
    refusing.start(nullptr);
    gst_harness_push_event(refusing.harness(), gst_event_new_stream_start("refused"));
    EXPECT_FALSE(refusing.send_caps(kCodecCaps.at(cell.codec)));
    const BusLog log = refusing.bus();
    ASSERT_EQ(log.errors.size(), 1U);
    EXPECT_NE(log.errors[0].find(cell.scheme), std::string::npos) << log.errors[0];
    EXPECT_NE(log.errors[0].find(cell.codec), std::string::npos) << log.errors[0];
  }
  note("-", HasFailure() ? "FAILED" : "refused");
}

}  // namespace

TEST_P(Matrix, CarriesEqualFramesOrRefusesByName) {
  if (GetParam().how == How::refused)
    expect_refused();
  else
    expect_carried();
}

// A cell with our payloader alone is one where the stock payloader fails.
TEST_P(Matrix, AStockPayloaderThatDoesNotFitIsWarnedOf) {
  const Cell &cell = GetParam();
  if (cell.how == How::refused || cell.how == How::whole)
    return;
  Pipeline pipeline(element("e2eeencrypt", "enc") + " ! " + codec_of(cell.codec)->stock_pay +
                        " ! fakesink async=false",
                    raw_provider(0x6f));
  const std::vector<std::string> warnings = warnings_at_caps(pipeline, kCodecCaps.at(cell.codec));
  if (has_cell(cell, How::stock)) {
    EXPECT_TRUE(warnings.empty()) << warnings[0];
    return;
  }
  ASSERT_EQ(warnings.size(), 1U);
  for (const std::string &part : {std::string("rtpe2eepay"), std::string(cell.codec)})
    EXPECT_NE(warnings[0].find(part), std::string::npos) << warnings[0];
}

INSTANTIATE_TEST_SUITE_P(Cells, Matrix, testing::ValuesIn(kCells),
                         [](const auto &test) { return test_name(test.param); });

}  // namespace e2ee::test
