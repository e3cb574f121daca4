/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helpers.h"

namespace e2ee::test {

namespace {

class BitWriter {
 public:
  BitWriter &put(unsigned value, unsigned bits) {
    while (bits-- > 0) {
      if (used_ % 8 == 0)
        bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>(((value >> bits) & 1) << (7 - used_ % 8));
      ++used_;
    }
    return *this;
  }
  const Bytes &bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  unsigned used_ = 0;
};

constexpr unsigned kRgb = 7;

Bytes key_frame(unsigned profile, unsigned color_space, unsigned width, unsigned height) {
  BitWriter bits;
  bits.put(2, 2).put(profile & 1, 1).put(profile >> 1, 1);
  if (profile == 3)
    bits.put(0, 1);
  bits.put(0, 1).put(0, 1).put(1, 1).put(0, 1);  // not existing, key frame, shown, not resilient
  bits.put(0x498342, 24);
  if (profile >= 2)
    bits.put(1, 1);
  bits.put(color_space, 3);
  if (color_space != kRgb)
    bits.put(1, 1);
  if (profile % 2 == 1)
    bits.put(0, color_space == kRgb ? 1 : 3);
  return bits.put(width - 1, 16).put(height - 1, 16).bytes();
}

}  // namespace

TEST(Vp9Header, KeyFramesOfEveryProfile) {
  for (unsigned profile = 0; profile < 4; ++profile) {
    for (unsigned color_space : {1U, 2U, kRgb}) {
      if (color_space == kRgb && profile % 2 == 0)
        continue;  // not allowed there
      const Bytes frame = key_frame(profile, color_space, 1921, 1079);
      EXPECT_EQ(vp9().frame_type(frame), FrameType::key) << profile;
      EXPECT_EQ(vp9().frame_size(frame).width, 1921U) << profile << ' ' << color_space;
      EXPECT_EQ(vp9().frame_size(frame).height, 1079U) << profile << ' ' << color_space;
      for (std::size_t size = 1; size < frame.size(); ++size) {
        const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(vp9().frame_size(prefix).width, 0U) << "cut to " << size;
      }
    }
  }
}

TEST(Vp9Header, LargestSize) {
  EXPECT_EQ(vp9().frame_size(key_frame(0, 1, 65536, 1)).width, 65536U);
  EXPECT_EQ(vp9().frame_size(key_frame(0, 1, 1, 65536)).height, 65536U);
}

TEST(Vp9Header, WhatIsNoKeyFrame) {
  const struct {
    const char *what;
    Bytes frame;
  } kCases[] = {
      {"delta", BitWriter().put(2, 2).put(0, 2).put(0, 1).put(1, 1).put(0, 18).bytes()},
      {"shows an existing frame", BitWriter().put(2, 2).put(0, 2).put(1, 1).put(0, 19).bytes()},
      {"wrong marker", BitWriter().put(1, 2).put(0, 22).bytes()},
      {"delta of profile 3", BitWriter().put(2, 2).put(3, 2).put(0, 2).put(1, 1).put(0, 9).bytes()},
  };
  for (const auto &c : kCases) {
    EXPECT_EQ(vp9().frame_type(c.frame), FrameType::delta) << c.what;
    EXPECT_EQ(vp9().frame_size(c.frame).width, 0U) << c.what;
  }
}

TEST(Vp9Header, SyncCodeIsRequired) {
  for (unsigned bit = 8; bit < 32; ++bit) {
    Bytes frame = key_frame(0, 1, 640, 360);
    ASSERT_EQ(vp9().frame_size(frame).width, 640U);
    frame[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
    EXPECT_EQ(vp9().frame_size(frame).width, 0U) << "bit " << bit;
  }
}

// Frames of encoders, as the vectors have them.
TEST(RealHeaders, TypeAndSize) {
  unsigned frames = 0;
  for (const vectors::Record &record : vectors::load({"livekit-realframes.json"})) {
    ASSERT_EQ(record.error, "");
    const CodecRule *codec = codec_named(record.codec);
    if (codec == nullptr || (codec->id != CodecId::vp8 && codec->id != CodecId::vp9))
      continue;
    const Bytes &plain = record.plaintext.bytes;
    const bool key = record.frame_type == "key";
    EXPECT_EQ(codec->frame_type(plain), key ? FrameType::key : FrameType::delta) << record.id;
    if (key) {
      EXPECT_EQ(codec->frame_size(plain).width, 160U) << record.id;
      EXPECT_EQ(codec->frame_size(plain).height, 120U) << record.id;
    }
    ++frames;
  }
  EXPECT_GE(frames, 12U);
}

// Each prefix in memory of its own, so that a sanitizer sees a read past its end. The type needs
// one byte, the size ten or so: a shorter frame has none rather than a wrong one.
TEST(RealHeaders, EveryPrefix) {
  for (const vectors::Record &record : vectors::load({"livekit-realframes.json"})) {
    ASSERT_EQ(record.error, "");
    for (const CodecRule *codec : codecs()) {
      const Bytes &plain = record.plaintext.bytes;
      const FrameSize whole = codec->frame_size(plain);
      for (std::size_t size = 1; size <= std::min<std::size_t>(plain.size(), 64); ++size) {
        const Bytes prefix(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size));
        codec->frame_type(prefix);
        const FrameSize part = codec->frame_size(prefix);
        EXPECT_TRUE((part.width == 0 && part.height == 0) ||
                    (part.width == whole.width && part.height == whole.height))
            << record.id << " as " << codec->name << " cut to " << size;
      }
      EXPECT_EQ(codec->frame_size({}).width, 0U);
    }
  }
}

}  // namespace e2ee::test
