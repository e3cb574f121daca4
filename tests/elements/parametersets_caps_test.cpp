/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Parameter sets that the caps have in a codec_data.
#include "support/element.h"
#include "support/nalunits.h"

namespace e2ee::test {
namespace {

using Units = std::vector<Bytes>;

constexpr char kCapsWithSets[] =
    "video/x-h264, stream-format=avc, alignment=au, "
    "codec_data=(buffer)0142c01fffe100066742c01f8c8d01000468ce3c80";
const Units kSetsOfCaps = {{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d}, {0x68, 0xce, 0x3c, 0x80}};

class ParameterSetsOfCaps : public testing::Test {
 protected:
  ParameterSetsOfCaps() { encryptor_.start(kCapsWithSets); }

  void stream_start() {
    gst_harness_push_event(encryptor_.harness(), gst_event_new_stream_start("another"));
  }
  Units through(const Units &units) {
    const std::optional<Bytes> sealed = encryptor_.pass(nal::lengths_of(units));
    return sealed ? nal::units_of_lengths(*sealed) : Units{};
  }
  // The parameter sets that receivers get with a key frame.
  Units sets_of_key_frame() {
    Units units = through({{0x65, 0x88, 0x11, 0x12}});
    if (!units.empty())
      units.pop_back();
    return units;
  }

  Element encryptor_{"e2eeencrypt", raw_provider(0x26)};
  const Units newer_ = {{0x67, 0x64, 0x00, 0x28, 0x33}, {0x68, 0xee, 0x38}};
};

}  // namespace

// What a codec_data says is older than what comes with the frames.
TEST_F(ParameterSetsOfCaps, NewerOnesComeInABuffer) {
  EXPECT_EQ(sets_of_key_frame(), kSetsOfCaps);
  EXPECT_TRUE(through(newer_).empty());
  EXPECT_EQ(sets_of_key_frame(), newer_);
  encryptor_.set_caps((std::string(kCapsWithSets) + ", width=320").c_str());
  EXPECT_EQ(sets_of_key_frame(), newer_) << "the codec_data is the old one";
  encryptor_.set_caps(
      "video/x-h264, stream-format=avc, alignment=au, "
      "codec_data=(buffer)0142c01fffe100066742c01f8c8e01000468ce3c80");
  EXPECT_EQ(sets_of_key_frame()[0].back(), 0x8e);
}

TEST_F(ParameterSetsOfCaps, AnotherStreamHasThoseOfItsCaps) {
  stream_start();
  encryptor_.set_caps(kCapsWithSets);
  EXPECT_EQ(sets_of_key_frame(), kSetsOfCaps) << "the same caps as before";
  EXPECT_TRUE(through(newer_).empty());
  EXPECT_EQ(sets_of_key_frame(), newer_);
  stream_start();
  encryptor_.set_caps(kCapsWithSets);
  EXPECT_EQ(sets_of_key_frame(), kSetsOfCaps) << "the newer ones were of the stream before";
}

TEST_F(ParameterSetsOfCaps, AreThereAfterStateChanges) {
  for (const GstState state : {GST_STATE_READY, GST_STATE_NULL}) {
    gst_element_set_state(encryptor_.get(), state);
    gst_element_set_state(encryptor_.get(), GST_STATE_PLAYING);
    stream_start();
    encryptor_.set_caps(kCapsWithSets);
    EXPECT_EQ(sets_of_key_frame(), kSetsOfCaps) << gst_element_state_get_name(state);
  }
}

}  // namespace e2ee::test
