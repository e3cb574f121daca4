/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of real encoders whose parameter sets come in buffers of their own, as v4l2, OMX and
// cameras give them, through the stock payloaders to a decoder.
#include <algorithm>
#include <ostream>

#include "support/nalunits.h"
#include "support/pipeline.h"

namespace e2ee::test {
namespace {

using Units = std::vector<Bytes>;

enum class Cut {
  each,    // what stands in front of the slice, before each key frame
  once,    // the same before the first key frame; the others lose it
  pieces,  // a buffer for each unit
};

struct Way {
  std::string name;
  bool h265;
  Cut cut;
  std::string parser;  // in front of the encryptor
};

void PrintTo(const Way &way, std::ostream *to) {
  *to << way.name;
}

std::vector<Way> ways() {
  const std::pair<const char *, Cut> cuts[] = {
      {"each", Cut::each}, {"once", Cut::once}, {"pieces", Cut::pieces}};
  std::vector<Way> all;
  for (const bool h265 : {false, true}) {
    const std::string codec = h265 ? "h265" : "h264";
    const std::string lengths = h265 ? "hvc1" : "avc";
    for (const auto &[name, cut] : cuts) {
      const auto add = [&, name = name, cut = cut](const std::string &what,
                                                   const std::string &parser) {
        all.push_back({codec + "_" + name + what, h265, cut, parser});
      };
      add("", "");
      add("_parsed", codec + "parse ! ");
      add("_parsed_to_" + lengths,
          codec + "parse ! video/x-" + codec + ", stream-format=" + lengths + ", alignment=au ! ");
    }
  }
  return all;
}

bool is_key(const Units &units, bool h265) {
  return std::any_of(units.begin(), units.end(),
                     [&](const Bytes &unit) { return nal::is_key_slice(unit[0], h265); });
}

Buffer buffer_of(const Units &units, GstClockTime time) {
  Buffer buffer = test::buffer_of(nal::stream_of(units));
  GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
  return buffer;
}

// Under load x265enc of GStreamer 1.22 puts zeros that pass for slices behind the parameter sets of
// its first frame.
void drop_what_is_no_slice(Buffer &key_frame, bool h265) {
  Units units = nal::units_of_stream(bytes_of(key_frame.get()));
  if (!is_key(units, h265))
    return;
  std::erase_if(units, [&](const Bytes &unit) {
    return nal::is_slice(unit[0], h265) && !nal::is_key_slice(unit[0], h265);
  });
  key_frame = buffer_of(units, GST_BUFFER_PTS(key_frame.get()));
}

// An encoder's frames as another one would have given them.
std::vector<Buffer> cut(const std::vector<Buffer> &frames, Cut how, bool h265) {
  std::vector<Buffer> buffers;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const GstClockTime time = GST_BUFFER_PTS(frames[i].get());
    Units units = nal::units_of_stream(bytes_of(frames[i].get()));
    if (is_key(units, h265)) {
      const auto slice = std::find_if(units.begin(), units.end(), [&](const Bytes &unit) {
        return nal::is_slice(unit[0], h265);
      });
      const Units front(units.begin(), slice);
      units.erase(units.begin(), slice);
      if (how == Cut::pieces) {
        for (const Bytes &unit : front)
          if (nal::is_parameter_set(unit, h265))
            buffers.push_back(buffer_of({unit}, time));
      } else if (how == Cut::each || i == 0) {
        buffers.push_back(buffer_of(front, time));
        GST_BUFFER_FLAG_SET(buffers.back().get(), GST_BUFFER_FLAG_HEADER);
      }
    }
    buffers.push_back(buffer_of(units, time));
  }
  return buffers;
}

// Slices, and parameter sets once: a parser puts delimiters in, x265enc gives its first sets twice.
Units essential(const Bytes &frame, bool h265) {
  Units units;
  for (const Bytes &unit : nal::units_of_stream(frame)) {
    const bool set = nal::is_parameter_set(unit, h265);
    if (nal::is_slice(unit[0], h265) ||
        (set && std::find(units.begin(), units.end(), unit) == units.end()))
      units.push_back(unit);
  }
  return units;
}

class SetsOfTheirOwn : public testing::TestWithParam<Way> {
 protected:
  static Encoded encoded(const std::string &size) {
    const std::string codec = GetParam().h265 ? "h265" : "h264";
    Encoded stream = encode(
        "videotestsrc num-buffers=40 pattern=ball ! video/x-raw, format=I420, framerate=30/1, " +
        size +
        (GetParam().h265 ? " ! x265enc option-string=aud=1:open-gop=0:repeat-headers=1"
                         : " ! x264enc aud=true bframes=0") +
        " speed-preset=ultrafast key-int-max=10 ! video/x-" + codec +
        ", stream-format=byte-stream");
    for (Buffer &frame : stream.frames)
      drop_what_is_no_slice(frame, GetParam().h265);
    return stream;
  }
  // The buffers' way to the encryptor.
  static std::string source() {
    const std::string codec = GetParam().h265 ? "h265" : "h264";
    return "appsrc name=in format=time max-bytes=0 caps=\"video/x-" + codec +
           ", stream-format=byte-stream, alignment=au\" ! " + GetParam().parser;
  }
  static void push(const Pipeline &pipeline, const std::vector<Buffer> &buffers) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (const Buffer &buffer : buffers)
      g_signal_emit_by_name(pipeline.get("in"), "push-buffer", buffer.get(), &flow);
    g_signal_emit_by_name(pipeline.get("in"), "end-of-stream", &flow);
  }
  // Pushes `buffers` and expects each of `frames` at the decryptor and the decoder.
  static void expect_all(const std::vector<Buffer> &buffers, const std::vector<Buffer> &frames);
};

void SetsOfTheirOwn::expect_all(const std::vector<Buffer> &buffers,
                                const std::vector<Buffer> &frames) {
  // h264parse of GStreamer 1.26 ends the stream where it has to make avc of sets in pieces.
  Pipeline alone(source() + "fakesink sync=false", nullptr);
  push(alone, buffers);
  if (const std::string wrong = alone.play_to_end(); !wrong.empty())
    GTEST_SKIP() << GetParam().name << ": fails without encryption, too: " << wrong;

  const bool h265 = GetParam().h265;
  const std::string codec = h265 ? "h265" : "h264";
  Pipeline pipeline(source() + "e2eeencrypt name=encrypt ! rtp" + codec + "pay ! rtp" + codec +
                        "depay ! e2eedecrypt name=decrypt ! " + codec + "parse ! " +
                        (h265 ? "libde265dec" : "openh264dec") +
                        " name=decoder ! fakesink sync=false",
                    raw_provider(0x26));
  const Tap &sealed = pipeline.tap("encrypt");
  const Tap &opened = pipeline.tap("decrypt");
  const Tap &decoded = pipeline.tap("decoder");
  push(pipeline, buffers);
  ASSERT_TRUE(pipeline.run());
  EXPECT_EQ(decoded.size(), frames.size());
  EXPECT_EQ(pipeline.stat("encrypt", "frames-in"), frames.size());
  EXPECT_EQ(pipeline.stat("encrypt", "frames-out"), frames.size());
  EXPECT_EQ(pipeline.stat("decrypt", "frames-out"), frames.size());
  ASSERT_EQ(opened.size(), frames.size());
  const std::vector<Bytes> got = opened.contents();
  const std::vector<Frame> sent = sealed.frames();
  // Until it has all three for hvc1, h265parse drops what comes, and its time.
  const bool parser_loses_times =
      GetParam().cut == Cut::pieces && GetParam().parser.find("hvc1") != std::string::npos;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(essential(got[i], h265), essential(bytes_of(frames[i].get()), h265)) << "frame " << i;
    if (!parser_loses_times) {
      ASSERT_EQ(sent[i].pts, GST_BUFFER_PTS(frames[i].get())) << "frame " << i;
    }
  }
}

}  // namespace

// In all of these each key frame comes out as the encoder made it, with its parameter sets.
TEST_P(SetsOfTheirOwn, EachFrameIsDecoded) {
  const Encoded stream = encoded("width=128, height=96");
  expect_all(cut(stream.frames, GetParam().cut, GetParam().h265), stream.frames);
}

TEST_P(SetsOfTheirOwn, TheyChangeInMidStream) {
  Encoded stream = encoded("width=128, height=96");
  std::vector<Buffer> buffers = cut(stream.frames, GetParam().cut, GetParam().h265);
  Encoded larger = encoded("width=192, height=160");
  const GstClockTime offset = GST_BUFFER_PTS(stream.frames.back().get()) + 33 * GST_MSECOND -
                              GST_BUFFER_PTS(larger.frames.front().get());
  for (Buffer &frame : larger.frames) {
    frame.reset(gst_buffer_make_writable(frame.release()));
    GST_BUFFER_PTS(frame.get()) += offset;
  }
  for (Buffer &buffer : cut(larger.frames, GetParam().cut, GetParam().h265))
    buffers.push_back(std::move(buffer));
  for (Buffer &frame : larger.frames)
    stream.frames.push_back(std::move(frame));
  expect_all(buffers, stream.frames);
}

INSTANTIATE_TEST_SUITE_P(Ways, SetsOfTheirOwn, testing::ValuesIn(ways()),
                         [](const auto &test) { return test.param.name; });

}  // namespace e2ee::test
