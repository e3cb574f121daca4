/* SPDX-License-Identifier: LGPL-2.1-or-later */
// H.264 and H.265 frames: formats, caps, and frames that are not what their caps say.
#include <algorithm>

#include "support/element.h"
#include "support/nalunits.h"

namespace e2ee::test {
namespace {

const Bytes kSps = {0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d};
const Bytes kPps = {0x68, 0xce, 0x3c, 0x80};
const Bytes kDelimiter = {0x09, 0x10};
constexpr char kAvc[] = "video/x-h264, stream-format=avc, alignment=au";

Bytes slice(guint8 header, gsize size, unsigned seed = 1) {
  Bytes unit = noise(size, seed);
  for (guint8 &byte : unit)
    byte |= byte == 0 ? 1 : 0;
  unit.insert(unit.begin(), {header, 0x88});
  return unit;
}

// avc caps with `length_size` and these parameter sets in codec_data.
std::string avc_caps(guint8 length_size, bool sets) {
  Bytes data = {1, 0x42, 0xc0, 0x1f, static_cast<guint8>(0xfc | (length_size - 1))};
  data.push_back(sets ? 0xe1 : 0xe0);
  const auto add = [&data](const Bytes &unit) {
    data.push_back(0);
    data.push_back(static_cast<guint8>(unit.size()));
    data.insert(data.end(), unit.begin(), unit.end());
  };
  if (sets)
    add(kSps);
  data.push_back(sets ? 1 : 0);
  if (sets)
    add(kPps);
  std::string hex;
  for (const guint8 byte : data)
    hex += Text(g_strdup_printf("%02x", byte)).get();
  return std::string(kAvc) + ", codec_data=(buffer)" + hex;
}

std::string field_of(GstPad *pad, const char *name) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  const Caps owned(caps);
  const gchar *value =
      caps ? gst_structure_get_string(gst_caps_get_structure(caps, 0), name) : nullptr;
  return value ? value : "";
}

Bytes codec_data_of(GstPad *pad) {
  const Caps caps(gst_pad_get_current_caps(pad));
  const GValue *value =
      gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), "codec_data");
  return value ? bytes_of(gst_value_get_buffer(value)) : Bytes{};
}

class H26xFormat : public testing::Test {
 protected:
  H26xFormat() : encryptor_("e2eeencrypt", provider_), decryptor_("e2eedecrypt", provider_) {}

  // Through both elements, the second fed with what caps the first one sends.
  std::optional<Bytes> through(const Bytes &frame) {
    const std::optional<Bytes> sealed = encryptor_.pass(frame);
    if (!sealed)
      return {};
    if (decryptor_.harness() == nullptr) {
      GstCaps *caps = gst_pad_get_current_caps(encryptor_.harness()->sinkpad);
      decryptor_.start(nullptr);
      gst_harness_set_src_caps(decryptor_.harness(), caps);
    }
    return decryptor_.pass(*sealed);
  }

  Provider provider_ = raw_provider(0x26);
  Element encryptor_;
  Element decryptor_;
};

}  // namespace

TEST_F(H26xFormat, LeavesAsLengthsWithoutParameterSetsInTheCaps) {
  encryptor_.start(kH264);
  const Bytes plain = nal::stream_of({kSps, kPps, slice(0x65, 200), slice(0x65, 100, 2)});
  EXPECT_EQ(through(plain), plain);
  GstPad *pad = encryptor_.harness()->sinkpad;
  EXPECT_EQ(field_of(pad, "stream-format"), "avc");
  EXPECT_EQ(codec_data_of(pad).size(), 7U);
  EXPECT_EQ(codec_data_of(pad)[5], 0xe0) << "there are parameter sets in it";
  EXPECT_EQ(field_of(decryptor_.harness()->sinkpad, "stream-format"), "byte-stream");
  EXPECT_TRUE(codec_data_of(decryptor_.harness()->sinkpad).empty());
}

TEST_F(H26xFormat, ByteStreamWhereDownstreamTakesNothingElse) {
  encryptor_.start(nullptr);
  gst_harness_set_sink_caps_str(encryptor_.harness(), kH264);
  encryptor_.set_caps(kH264);
  const Bytes plain = nal::stream_of({kSps, kPps, slice(0x65, 200)});
  const std::optional<Bytes> sealed = encryptor_.pass(plain);
  ASSERT_TRUE(sealed);
  EXPECT_TRUE(nal::code_at(*sealed, 1));
  EXPECT_EQ(field_of(encryptor_.harness()->sinkpad, "stream-format"), "byte-stream");
  EXPECT_EQ(decryptor_.start(kH264).pass(*sealed), plain);
}

// Receivers of encrypted frames get no other parameter sets than those in them.
TEST_F(H26xFormat, ParameterSetsOfTheCapsGoIntoKeyFrames) {
  encryptor_.start(avc_caps(4, true).c_str());
  const Bytes key = slice(0x65, 50);
  const Bytes delta = slice(0x41, 50);
  EXPECT_EQ(through(nal::lengths_of({key})), nal::stream_of({kSps, kPps, key}));
  EXPECT_EQ(through(nal::lengths_of({kDelimiter, key})),
            nal::stream_of({kDelimiter, kSps, kPps, key}));
  EXPECT_EQ(through(nal::lengths_of({kSps, kPps, key})), nal::stream_of({kSps, kPps, key}));
  EXPECT_EQ(through(nal::lengths_of({delta, delta})), nal::stream_of({delta, delta}));
}

TEST_F(H26xFormat, LengthsOfTwoBytes) {
  encryptor_.start(avc_caps(2, false).c_str());
  Bytes frame = {0, 6};
  frame.insert(frame.end(), kSps.begin(), kSps.end());
  const Bytes key = slice(0x65, 0x123);
  frame.insert(frame.end(), {0x01, 0x25});
  frame.insert(frame.end(), key.begin(), key.end());
  EXPECT_EQ(through(frame), nal::stream_of({kSps, key}));
}

// The frame belongs to somebody else as well.
TEST_F(H26xFormat, SharedBuffersStayAsTheyAre) {
  encryptor_.start(avc_caps(4, false).c_str());
  const Bytes plain = nal::lengths_of({kSps, slice(0x65, 100)});
  const Buffer shared = buffer_of(plain);
  EXPECT_EQ(encryptor_.push(Buffer(gst_buffer_ref(shared.get()))), GST_FLOW_OK);
  EXPECT_TRUE(encryptor_.pull());
  EXPECT_EQ(bytes_of(shared.get()), plain);
}

TEST_F(H26xFormat, PacketTrailerStandsWithinTheLastUnit) {
  g_object_set(encryptor_.get(), "frame-metadata", TRUE, nullptr);
  encryptor_.start(kH264);
  const Bytes plain = nal::stream_of({kSps, slice(0x65, 100)});
  EXPECT_EQ(through(plain), plain);
}

TEST_F(H26xFormat, KeyFramesAreMarked) {
  encryptor_.start(kH264);
  for (const bool key : {true, false}) {
    encryptor_.push(nal::stream_of({slice(key ? 0x65 : 0x41, 30)}));
    const Buffer sealed = encryptor_.pull();
    ASSERT_TRUE(sealed);
    const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(sealed.get());
    ASSERT_NE(meta, nullptr);
    EXPECT_EQ(meta->keyframe != FALSE, key);
  }
}

TEST_F(H26xFormat, WrongLengthsAreMalformed) {
  const std::string caps = avc_caps(4, true);
  encryptor_.start(caps.c_str());
  decryptor_.start(caps.c_str());
  const Bytes good = nal::lengths_of({kSps, slice(0x65, 100)});
  Bytes beyond = good;
  ++beyond[13];
  Bytes huge = good;
  huge[10] = 0xff;
  const std::vector<Bytes> frames = {
      beyond, huge, Bytes(good.begin(), good.end() - 1), {0, 0, 0}, {0xff, 0xff, 0xff, 0xff, 1}};
  for (const Bytes &frame : frames) {
    EXPECT_FALSE(encryptor_.pass(frame));
    EXPECT_FALSE(decryptor_.pass(frame));
  }
  EXPECT_EQ(encryptor_.stat("dropped-malformed"), frames.size());
  EXPECT_EQ(decryptor_.stat("dropped-malformed"), frames.size());
  EXPECT_TRUE(encryptor_.pass(good));
  const Bytes empty_units(400, 0);
  EXPECT_FALSE(encryptor_.pass(empty_units));
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 1U);
}

TEST_F(H26xFormat, FramesWithoutASliceAreReported) {
  encryptor_.start(kH264);
  EXPECT_FALSE(encryptor_.pass(nal::stream_of({{0x0e, 0x40, 0x01}}))) << "a prefix of a slice";
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 1U);
  EXPECT_NE(encryptor_.bus().find("unsupported"), nullptr);
  EXPECT_FALSE(encryptor_.pass(slice(0x65, 100))) << "no start code";
  EXPECT_EQ(encryptor_.stat("dropped-malformed"), 1U);
  Bytes tiny;
  for (unsigned i = 0; i < 20000; ++i)
    tiny.insert(tiny.end(), {0, 0, 1, 0x0e});
  EXPECT_FALSE(encryptor_.pass(tiny));
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 2U);
}

// Peers look for slices of other types only: these would stay readable in front of the first one.
TEST_F(H26xFormat, R1_PicturesInUnitsThatPeersDoNotKnowAreNotSent) {
  encryptor_.start(kH264);
  EXPECT_FALSE(encryptor_.pass(
      nal::stream_of({kSps, kPps, {0x42, 0x53, 0x45, 0x43, 0x80}, slice(0x41, 100)})));
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 1U);
}

TEST_F(H26xFormat, RandomBytesOfEachLengthDoNotPass) {
  for (const std::string &caps : {std::string(kH264), std::string(kH265), avc_caps(4, true)}) {
    Element encryptor("e2eeencrypt", provider_);
    Element decryptor("e2eedecrypt", provider_);
    encryptor.start(caps.c_str());
    decryptor.start(caps.c_str());
    for (gsize size = 1; size <= 64; ++size) {
      for (unsigned seed = 0; seed < 20; ++seed) {
        Bytes frame = noise(size, seed * 100 + static_cast<unsigned>(size));
        if (size > 1 && seed % 2 == 0)
          frame[size - 2] = 12;
        if (seed % 3 == 0)
          std::fill_n(frame.begin(), std::min<gsize>(size, 3), 0);
        encryptor.push(frame);
        encryptor.pull();
        EXPECT_FALSE(decryptor.pass(frame));
      }
    }
    EXPECT_EQ(encryptor.stat("dropped-internal") + decryptor.stat("dropped-internal"), 0U);
    EXPECT_EQ(encryptor.stat("frames-out") + encryptor.dropped(), encryptor.stat("frames-in"));
    EXPECT_EQ(decryptor.stat("frames-out"), 0U);
  }
}

TEST_F(H26xFormat, CodecDataThatCannotBeRead) {
  for (const char *factory : {"e2eeencrypt", "e2eedecrypt"}) {
    Element element(factory, provider_);
    element.start(nullptr);
    gst_harness_push_event(element.harness(), gst_event_new_stream_start("broken"));
    EXPECT_FALSE(
        element.send_caps((std::string(kAvc) + ", codec_data=(buffer)0142c01fffe1ff").c_str()));
    EXPECT_EQ(element.bus().errors.size(), 1U) << factory;
  }
}

TEST_F(H26xFormat, CapsQueriesCrossTheFormats) {
  const auto query = [](Element &element, const char *pad_name) {
    GstPad *pad = gst_element_get_static_pad(element.get(), pad_name);
    const Caps caps(gst_pad_query_caps(pad, nullptr));
    gst_object_unref(pad);
    return std::string(Text(gst_caps_to_string(caps.get())).get());
  };
  encryptor_.start(nullptr);
  gst_harness_set_sink_caps_str(encryptor_.harness(),
                                "video/x-h264, stream-format=avc, alignment=au, width=320");
  const std::string sink = query(encryptor_, "sink");
  EXPECT_NE(sink.find("byte-stream"), std::string::npos) << sink;
  EXPECT_NE(sink.find("avc"), std::string::npos) << sink;
  EXPECT_NE(sink.find("width=(int)320"), std::string::npos) << sink;
  EXPECT_EQ(sink.find("vp8"), std::string::npos) << sink;
  EXPECT_LT(sink.find("byte-stream"), sink.find("avc")) << "encoders repeat parameter sets there";

  decryptor_.start(nullptr);
  gst_harness_set_sink_caps_str(decryptor_.harness(), kAvc);
  EXPECT_EQ(query(decryptor_, "sink"), "EMPTY") << "decrypted frames are byte streams";
  gst_harness_set_sink_caps_str(decryptor_.harness(), kH264);
  const std::string into = query(decryptor_, "sink");
  EXPECT_NE(into.find("avc"), std::string::npos) << into;
  EXPECT_EQ(query(decryptor_, "src").find("avc"), std::string::npos);
}

}  // namespace e2ee::test
