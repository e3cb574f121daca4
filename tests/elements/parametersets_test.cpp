/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Parameter sets in buffers of their own, as v4l2, OMX and cameras give them.
#include <algorithm>
#include <bit>
#include <ostream>

#include "support/element.h"
#include "support/nalunits.h"

namespace e2ee::test {
namespace {

using Units = std::vector<Bytes>;

Units operator+(Units a, const Units &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// What one codec's units look like, and how its frames lie in buffers.
struct Codec {
  const char *name;
  const char *caps;
  bool lengths;
  Bytes key, delta, delimiter, message;  // headers, or all of it
  Units sets;                            // VPS, SPS, PPS
};

void PrintTo(const Codec &codec, std::ostream *to) {
  *to << codec.name;
}

const Units kSets264 = {{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d}, {0x68, 0xce, 0x3c, 0x80}};
const Units kSets265 = {{0x40, 0x01, 0x0c, 0x01},
                        {0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
                         0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xa0, 0x02, 0x80},
                        {0x44, 0x01, 0xc1, 0x72}};
const Bytes kMessage264 = {0x06, 0x06, 0x01, 0xc4, 0x80};
const Bytes kMessage265 = {0x4e, 0x01, 0x06, 0x01, 0xc4, 0x80};

const Codec kCodecs[] = {
    {"h264_byte_stream",
     kH264,
     false,
     {0x65, 0x88},
     {0x41, 0x9a},
     {0x09, 0x10},
     kMessage264,
     kSets264},
    {"h264_avc",
     "video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)0142c01fffe000",
     true,
     {0x65, 0x88},
     {0x41, 0x9a},
     {0x09, 0x10},
     kMessage264,
     kSets264},
    {"h265_byte_stream",
     kH265,
     false,
     {0x26, 0x01},
     {0x02, 0x01},
     {0x46, 0x01, 0x50},
     kMessage265,
     kSets265},
    {"h265_hvc1",
     "video/x-h265, stream-format=hvc1, alignment=au, "
     "codec_data=(buffer)0101600000000000000000005df000fcfdf8f800000f00",
     true,
     {0x26, 0x01},
     {0x02, 0x01},
     {0x46, 0x01, 0x50},
     kMessage265,
     kSets265},
};

class ParameterSets : public testing::TestWithParam<Codec> {
 protected:
  ParameterSets() { encryptor_.start(codec().caps); }

  static const Codec &codec() { return GetParam(); }
  static bool h265() { return codec().sets.size() == 3; }
  static Bytes as_frame(const Units &units) {
    return codec().lengths ? nal::lengths_of(units) : nal::stream_of(units);
  }
  static Bytes slice(const Bytes &header, unsigned seed) {
    Bytes unit = noise(60, seed);
    std::replace(unit.begin(), unit.end(), guint8{0}, guint8{1});
    unit.insert(unit.begin(), header.begin(), header.end());
    return unit;
  }
  static Bytes key(unsigned seed = 1) { return slice(codec().key, seed); }
  static Bytes delta(unsigned seed = 1) { return slice(codec().delta, seed); }
  // Parameter sets with the same ids and other contents.
  static Units other_sets() {
    Units sets = codec().sets;
    for (Bytes &set : sets)
      set.push_back(0x77);
    return sets;
  }

  // A picture parameter set with this id, which ue(v) writes.
  static Bytes pps(unsigned id) {
    const unsigned bits = (id + 1) << (25 - 2 * std::bit_width(id + 1)) | 0x2a;
    Bytes unit(codec().sets.back().begin(), codec().sets.back().begin() + (h265() ? 2 : 1));
    for (const int shift : {16, 8, 0})
      unit.push_back(static_cast<guint8>(bits >> shift));
    return nal::escaped(unit);
  }

  // The units that a receiver gets of a frame; none when nothing leaves.
  std::optional<Units> through(const Units &units) {
    EXPECT_EQ(encryptor_.push(as_frame(units)), GST_FLOW_OK);
    last_ = encryptor_.pull();
    if (!last_)
      return {};
    if (decryptor_.harness() == nullptr) {
      decryptor_.start(nullptr);
      gst_harness_set_src_caps(decryptor_.harness(),
                               gst_pad_get_current_caps(encryptor_.harness()->sinkpad));
    }
    const std::optional<Bytes> opened = decryptor_.pass(bytes_of(last_.get()));
    return opened ? std::optional(nal::units_of_stream(*opened)) : std::nullopt;
  }
  void kept(const Units &units) { EXPECT_FALSE(through(units)); }

  void expect_counted(guint64 frames) const {
    EXPECT_EQ(encryptor_.stat("frames-in"), frames);
    EXPECT_EQ(encryptor_.stat("frames-out") + encryptor_.dropped() + encryptor_.stat("held"),
              frames);
  }

  const Provider provider_ = raw_provider(0x26);
  Element encryptor_{"e2eeencrypt", provider_};
  Element decryptor_{"e2eedecrypt", provider_};
  Buffer last_;  // that left the encryptor
};

INSTANTIATE_TEST_SUITE_P(Of, ParameterSets, testing::ValuesIn(kCodecs),
                         [](const auto &test) { return test.param.name; });

}  // namespace

// Who joins later finds them in each key frame.
TEST_P(ParameterSets, OnceAtTheStartGoIntoEachKeyFrame) {
  kept(codec().sets);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(through({key(i)}), codec().sets + Units{key(i)});
    EXPECT_EQ(through({delta(i)}), Units{delta(i)});
  }
  expect_counted(6);
  EXPECT_EQ(encryptor_.dropped(), 0U);
  EXPECT_EQ(encryptor_.bus().find("unsupported"), nullptr);
}

TEST_P(ParameterSets, BeforeEachKeyFrameAreNotDoubled) {
  for (unsigned i = 0; i < 3; ++i) {
    kept(codec().sets);
    EXPECT_EQ(through({key(i)}), codec().sets + Units{key(i)});
  }
  expect_counted(3);
}

TEST_P(ParameterSets, EachInABufferOfItsOwn) {
  for (const Units &sets : {codec().sets, other_sets()}) {
    for (const Bytes &set : sets)
      kept({set});
    EXPECT_EQ(through({key()}), sets + Units{key()});
  }
  expect_counted(2);
}

TEST_P(ParameterSets, WaitForTheKeyFrame) {
  kept(codec().sets);
  EXPECT_EQ(through({delta()}), Units{delta()});
  EXPECT_EQ(through({key()}), codec().sets + Units{key()});
}

TEST_P(ParameterSets, DelimitersAndMessagesBetween) {
  kept(Units{codec().delimiter} + codec().sets + Units{codec().message});
  EXPECT_EQ(through({codec().delimiter, key()}),
            (Units{codec().delimiter} + codec().sets + Units{codec().message, key()}));
  EXPECT_EQ(through({codec().delimiter, key()}),
            Units{codec().delimiter} + codec().sets + Units{key()})
      << "a message is for one frame";
  kept({codec().message});
  EXPECT_EQ(through({delta()}), (Units{codec().message, delta()}));
  expect_counted(3);
}

// Before each frame, as a parser with alignment=nal would give them.
TEST_P(ParameterSets, ADelimiterInABufferOfItsOwnGivesItsTime) {
  Buffer delimiter = buffer_of(as_frame({codec().delimiter}));
  GST_BUFFER_PTS(delimiter.get()) = 5 * GST_SECOND;
  encryptor_.push(std::move(delimiter));
  EXPECT_EQ(through({key()}), Units{key()});
  EXPECT_EQ(GST_BUFFER_PTS(last_.get()), 5 * GST_SECOND);
  expect_counted(1);
}

TEST_P(ParameterSets, NewerOnesTakeTheirPlace) {
  kept(codec().sets);
  EXPECT_EQ(through({key(1)}), codec().sets + Units{key(1)});
  kept(other_sets());
  EXPECT_EQ(through({key(2)}), other_sets() + Units{key(2)});
  EXPECT_EQ(through({key(3)}), other_sets() + Units{key(3)});
}

TEST_P(ParameterSets, AKeyFrameWithItsOwnStaysAsItIs) {
  kept(codec().sets);
  const Units own = other_sets() + Units{key(1)};
  EXPECT_EQ(through(own), own);
  EXPECT_EQ(through({key(2)}), other_sets() + Units{key(2)}) << "the newer ones";
}

TEST_P(ParameterSets, AFrameMayHaveSomeItself) {
  const Units front(codec().sets.begin(), codec().sets.end() - 1);
  kept(front);
  EXPECT_EQ(through({codec().sets.back(), key(1)}), codec().sets + Units{key(1)});
  // Only the first is missing now, or all but the first.
  EXPECT_EQ(through(Units(codec().sets.begin() + 1, codec().sets.end()) + Units{key(2)}),
            codec().sets + Units{key(2)});
  EXPECT_EQ(through({codec().sets.front(), key(3)}), codec().sets + Units{key(3)});
}

// The first buffer has the time, and marks the start; a parser gives the frame itself none.
TEST_P(ParameterSets, TheirTimeIsForTheFrameThatHasNone) {
  Buffer sets = buffer_of(as_frame(codec().sets));
  GST_BUFFER_PTS(sets.get()) = 5 * GST_SECOND;
  GST_BUFFER_DTS(sets.get()) = 4 * GST_SECOND;
  GST_BUFFER_DURATION(sets.get()) = 33 * GST_MSECOND;
  GST_BUFFER_FLAG_SET(sets.get(), GST_BUFFER_FLAG_DISCONT);
  GST_BUFFER_FLAG_SET(sets.get(), GST_BUFFER_FLAG_HEADER);
  encryptor_.push(Buffer(gst_buffer_copy(sets.get())));
  ASSERT_TRUE(through({key()}));
  EXPECT_EQ(GST_BUFFER_PTS(last_.get()), 5 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DTS(last_.get()), 4 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(last_.get()), 33 * GST_MSECOND);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(last_.get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(last_.get(), GST_BUFFER_FLAG_HEADER));
  EXPECT_TRUE(gst_e2ee_buffer_get_frame_meta(last_.get())->keyframe);

  encryptor_.push(std::move(sets));
  Buffer frame = buffer_of(as_frame({key()}));
  GST_BUFFER_PTS(frame.get()) = 6 * GST_SECOND;
  encryptor_.push(std::move(frame));
  last_ = encryptor_.pull();
  ASSERT_TRUE(last_);
  EXPECT_EQ(GST_BUFFER_PTS(last_.get()), 6 * GST_SECOND);
  EXPECT_FALSE(GST_BUFFER_DTS_IS_VALID(last_.get()));
}

TEST_P(ParameterSets, AFlushKeepsThem) {
  kept(codec().sets + Units{codec().message});
  gst_harness_push_event(encryptor_.harness(), gst_event_new_flush_start());
  gst_harness_push_event(encryptor_.harness(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(encryptor_.harness(), gst_event_new_segment(&segment));
  EXPECT_EQ(through({key()}), codec().sets + Units{key()});
}

TEST_P(ParameterSets, AnotherStreamHasItsOwn) {
  kept(codec().sets);
  gst_harness_push_event(encryptor_.harness(), gst_event_new_stream_start("another"));
  encryptor_.set_caps(codec().caps);
  EXPECT_EQ(through({key()}), Units{key()});
}

// The encoder goes on and does not send them again.
TEST_P(ParameterSets, TheElementsOwnStateChangesKeepThem) {
  kept(codec().sets);
  gst_element_set_state(encryptor_.get(), GST_STATE_READY);
  gst_element_set_state(encryptor_.get(), GST_STATE_PLAYING);
  encryptor_.set_caps(codec().caps);
  EXPECT_EQ(through({key()}), codec().sets + Units{key()});
}

TEST_P(ParameterSets, CapsThatTellMoreOfTheStreamKeepThem) {
  kept(codec().sets);
  const Caps caps(gst_caps_from_string(codec().caps));
  gst_caps_set_simple(caps.get(), "framerate", GST_TYPE_FRACTION, 15, 1, nullptr);
  gst_harness_push_event(encryptor_.harness(), gst_event_new_caps(caps.get()));
  EXPECT_EQ(through({key()}), codec().sets + Units{key()});
}

TEST_P(ParameterSets, InTheClearAsWell) {
  g_object_set(encryptor_.get(), "enabled", FALSE, nullptr);
  EXPECT_FALSE(encryptor_.pass(as_frame(codec().sets)));
  const std::optional<Bytes> frame = encryptor_.pass(as_frame({key()}));
  ASSERT_TRUE(frame);
  EXPECT_EQ(nal::units_of_lengths(*frame), codec().sets + Units{key()});
  expect_counted(1);
}

TEST_P(ParameterSets, ANewerOneTakesThePlaceOfThatWithItsId) {
  kept(codec().sets);
  EXPECT_EQ(through({key(1)}), codec().sets + Units{key(1)});
  Units now = codec().sets;
  now.back().push_back(0x77);
  kept({now.back()});
  EXPECT_EQ(through({key(2)}), now + Units{key(2)}) << "its PPS is the newer one alone";
  now.back().push_back(0x78);
  EXPECT_EQ(through({now.back(), key(3)}), now + Units{key(3)});
  EXPECT_EQ(through({key(4)}), now + Units{key(4)});
}

TEST_P(ParameterSets, OneWithAnotherIdIsMissingInAFrame) {
  kept(codec().sets + Units{pps(1)});
  const Units front(codec().sets.begin(), codec().sets.end() - 1);
  const Bytes &zero = codec().sets.back();
  EXPECT_EQ(through({pps(1), key(1)}), front + (Units{pps(1), zero, key(1)}));
  EXPECT_EQ(through({pps(2), key(2)}), front + (Units{pps(2), zero, pps(1), key(2)}));
}

// A stream of nothing else must not fill the memory.
TEST_P(ParameterSets, TooManyAreNotKept) {
  Units many;
  for (unsigned id = 0; id < 300; ++id)
    many.push_back(pps(id));
  kept(many);
  Bytes large = codec().sets.back();
  large.resize(65 * 1024, 0x55);
  kept({large});
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 2U);
  for (const Bytes &set : many)
    kept({set});
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 3U) << "one beyond what is kept";
  EXPECT_TRUE(through({key(1)}));
  kept(codec().sets);
  EXPECT_EQ(through({key(2)}), codec().sets + Units{key(2)});
}

// The oldest picture parameter set goes, however many come; what it refers to stays.
TEST_P(ParameterSets, TheSequenceOutlivesManyPictureParameterSets) {
  kept(codec().sets);
  for (unsigned id = 1; id < 300; ++id)
    ASSERT_TRUE(through({pps(id), key(id)}));
  const std::optional<Units> frame = through({key()});
  ASSERT_TRUE(frame);
  const Units front(codec().sets.begin(), codec().sets.end() - 1);
  EXPECT_EQ(Units(frame->begin(), frame->begin() + static_cast<std::ptrdiff_t>(front.size())),
            front);
  EXPECT_EQ(frame->size(), 257U);
  EXPECT_EQ(frame->at(frame->size() - 2), pps(299)) << "the newest";
}

TEST_P(ParameterSets, WhatIsNoPartOfAFrameIsReported) {
  kept({h265() ? Bytes{0x60, 0x01, 0x55} : Bytes{0x18, 0x55}});
  EXPECT_EQ(encryptor_.stat("dropped-unsupported"), 1U) << "nobody knows this type";
  Bytes stray = nal::stream_of(codec().sets);
  stray.insert(stray.begin(), 0x55);
  if (!codec().lengths) {
    EXPECT_FALSE(encryptor_.pass(stray));
    EXPECT_EQ(encryptor_.stat("dropped-malformed"), 1U);
  }
  EXPECT_EQ(through({key()}), Units{key()}) << "nothing was kept";
}

}  // namespace e2ee::test
