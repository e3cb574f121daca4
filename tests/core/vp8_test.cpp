/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sstream>

#include "helpers.h"

namespace e2ee::test {

namespace {

// The bool encoder of RFC 6386 section 7.3 at probability one half: what writes a header that the
// rule's own decoder then reads.
class BoolEncoder {
 public:
  BoolEncoder &put(bool bit) {
    const std::uint32_t split = 1 + (((range_ - 1) * 128) >> 8);
    if (bit) {
      bottom_ += split;
      if (bottom_ < split)
        carry();
      range_ -= split;
    } else {
      range_ = split;
    }
    while (range_ < 128) {
      range_ <<= 1;
      if ((bottom_ & (std::uint32_t{1} << 31)) != 0)
        carry();
      bottom_ <<= 1;
      if (--count_ == 0) {
        out_.push_back(static_cast<std::uint8_t>(bottom_ >> 24));
        bottom_ &= (std::uint32_t{1} << 24) - 1;
        count_ = 8;
      }
    }
    return *this;
  }

  BoolEncoder &put(unsigned value, unsigned bits) {
    while (bits-- > 0)
      put(((value >> bits) & 1) != 0);
    return *this;
  }

  BoolEncoder &flagged(unsigned count, bool flag, unsigned value, unsigned bits) {
    while (count-- > 0) {
      put(flag);
      if (flag)
        put(value, bits);
    }
    return *this;
  }

  // Everything so far, and `fill` up to where the rule stops looking.
  Bytes finish(std::uint8_t fill = 0) {
    int c = count_;
    std::uint32_t v = bottom_;
    if ((v & (std::uint32_t{1} << (32 - c))) != 0)
      carry();
    v <<= c & 7;
    c >>= 3;
    while (--c >= 0)
      v <<= 8;
    for (c = 0; c < 4; ++c, v <<= 8)
      out_.push_back(static_cast<std::uint8_t>(v >> 24));
    if (out_.size() < kPayloaderSight)
      out_.resize(kPayloaderSight, fill);
    return out_;
  }

 private:
  void carry() {
    for (std::size_t i = out_.size(); i-- > 0;) {
      if (out_[i] != 255) {
        ++out_[i];
        return;
      }
      out_[i] = 0;
    }
  }

  Bytes out_;
  std::uint32_t range_ = 255;
  std::uint32_t bottom_ = 0;
  int count_ = 24;
};

struct Header {
  bool segmentation = false;
  bool map = false;
  bool data = false;
  bool filter_delta = false;
  bool filter_update = false;
  bool flags = false;  // of all flagged fields
  unsigned value = 0;  // of all other fields, cut to their size
  unsigned log2_parts = 0;
};

Bytes write(const Header &header, FrameType type) {
  BoolEncoder bools;
  if (type == FrameType::key)
    bools.put(header.value, 2);
  bools.put(header.segmentation);
  if (header.segmentation) {
    bools.put(header.map).put(header.data);
    if (header.data) {
      bools.put(header.value, 1);
      bools.flagged(4, header.flags, header.value, 8).flagged(4, header.flags, header.value, 7);
    }
    if (header.map)
      bools.flagged(3, header.flags, header.value, 8);
  }
  bools.put(header.value, 1).put(header.value, 6).put(header.value, 3);
  bools.put(header.filter_delta);
  if (header.filter_delta) {
    bools.put(header.filter_update);
    if (header.filter_update)
      bools.flagged(8, header.flags, header.value, 7);
  }
  return bools.put(header.log2_parts, 2).finish();
}

std::string describe(const Header &h, FrameType type) {
  std::ostringstream text;
  text << (type == FrameType::key ? "key" : "delta") << " seg " << h.segmentation << h.map << h.data
       << " filter " << h.filter_delta << h.filter_update << " flags " << h.flags << " value "
       << h.value << " partitions " << (1 << h.log2_parts);
  return text.str();
}

void expect_only_one_partition_taken(Header header) {
  for (FrameType type : {FrameType::key, FrameType::delta}) {
    for (header.log2_parts = 0; header.log2_parts < 4; ++header.log2_parts)
      EXPECT_EQ(vp8().payloader_takes(write(header, type), type), header.log2_parts == 0)
          << describe(header, type);
  }
}

}  // namespace

TEST(Vp8Payloader, OnePartitionAndNothingElse) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (unsigned value : {0x00U, 0xffU, 0x55U, 0xaaU, 0x80U, 0x01U}) {
      Header header;
      header.segmentation = (bits & 1) != 0;
      header.map = (bits & 2) != 0;
      header.data = (bits & 4) != 0;
      header.filter_delta = (bits & 8) != 0;
      header.filter_update = (bits & 16) != 0;
      header.flags = (bits & 32) != 0;
      header.value = value;
      expect_only_one_partition_taken(header);
    }
  }
}

// The longest header there is, every bit set: what follows kPayloaderSight bytes has no part in it,
// what is in the last bits before has.
TEST(Vp8Payloader, LooksNoFurtherThanItSays) {
  for (unsigned parts = 0; parts < 4; ++parts) {
    Bytes bytes = write({true, true, true, true, true, true, 0xff, parts}, FrameType::key);
    const bool takes = vp8().payloader_takes(bytes, FrameType::key);
    EXPECT_EQ(takes, parts == 0);
    bytes.resize(kPayloaderSight);
    EXPECT_EQ(vp8().payloader_takes(bytes, FrameType::key), takes);
    bytes.resize(kPayloaderSight + 8, 0xff);
    EXPECT_EQ(vp8().payloader_takes(bytes, FrameType::key), takes);
  }
}

TEST(Vp8Payloader, ZerosAndOnes) {
  const Bytes zeros(kPayloaderSight, 0);
  EXPECT_TRUE(vp8().payloader_takes(zeros, FrameType::key)) << "every flag off, one partition";
  EXPECT_TRUE(vp8().payloader_takes(zeros, FrameType::delta));
  const Bytes ones(kPayloaderSight, 0xff);
  EXPECT_FALSE(vp8().payloader_takes(ones, FrameType::key)) << "every flag on, eight partitions";
  EXPECT_FALSE(vp8().payloader_takes(ones, FrameType::delta));
}

TEST(Vp8Payloader, TakesAQuarter) {
  constexpr int kTries = 40000;
  for (FrameType type : {FrameType::key, FrameType::delta}) {
    int taken = 0;
    const Bytes bytes = noise(kTries * kPayloaderSight, 99);
    for (std::size_t i = 0; i < kTries; ++i)
      taken += vp8().payloader_takes(ByteView(bytes).subspan(i * kPayloaderSight, kPayloaderSight),
                                     type);
    EXPECT_NEAR(static_cast<double>(taken) / kTries, 0.25, 0.01);
  }
}

TEST(Vp8Payloader, TypesDiffer) {
  // The two bits that only key frames have shift all the rest.
  int differ = 0;
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    const Bytes bytes = noise(kPayloaderSight, seed);
    differ += vp8().payloader_takes(bytes, FrameType::key) !=
              vp8().payloader_takes(bytes, FrameType::delta);
  }
  EXPECT_GT(differ, 50);
}

// The headers of a real encoder, one partition each.
TEST(Vp8Payloader, TakesWhatEncodersWrite) {
  unsigned frames = 0;
  for (const vectors::Record &record : vectors::load({"livekit-realframes.json"})) {
    ASSERT_EQ(record.error, "");
    if (record.codec != "vp8")
      continue;
    const Bytes &plain = record.plaintext.bytes;
    const FrameType type = vp8().frame_type(plain);
    const std::size_t header = type == FrameType::key ? kVp8KeyHeader : kVp8DeltaHeader;
    ASSERT_GE(plain.size(), header + kPayloaderSight);
    EXPECT_TRUE(vp8().payloader_takes(ByteView(plain).subspan(header), type)) << record.id;
    ++frames;
  }
  EXPECT_GT(frames, 0U);
}

class Vp8Sealer : public testing::TestWithParam<FrameType> {};

TEST_P(Vp8Sealer, EveryFrameSuitsThePayloader) {
  const FrameType type = GetParam();
  const std::size_t header = type == FrameType::key ? kVp8KeyHeader : kVp8DeltaHeader;
  const KeyRef keys[] = {raw_key(1), raw_key(2, 1, 256)};
  for (std::size_t size = 0; size <= 200; ++size) {
    const KeyRef &key = keys[size % 2];
    Sealer sealer(livekit());
    const Bytes plain = vp8_frame(type, size, static_cast<std::uint32_t>(size));
    const Sealed sealed = seal(sealer, key, vp8(), type, plain);
    ASSERT_EQ(sealed.reason, Reason::ok) << size;
    ASSERT_TRUE(vp8().payloader_takes(ByteView(sealed.frame).subspan(header), type)) << size;
    ASSERT_TRUE(std::equal(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(header),
                           sealed.frame.begin()));
    expect_opens(ring_of({key}), vp8(), sealed.frame, plain);
  }
}

// Shorter than what the payloader looks at: it sees the tag too, and the IV. Seldom do the last
// bytes matter, hence many frames.
TEST_P(Vp8Sealer, ShortFramesSuitThePayloader) {
  const FrameType type = GetParam();
  const std::size_t header = type == FrameType::key ? kVp8KeyHeader : kVp8DeltaHeader;
  const KeyRef key = raw_key(4);
  Sealer sealer(livekit());
  for (std::size_t size = 0; size <= kPayloaderSight + 1; ++size) {
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      const Sealed sealed = seal(sealer, key, vp8(), type, vp8_frame(type, size, seed));
      ASSERT_EQ(sealed.reason, Reason::ok);
      ASSERT_TRUE(vp8().payloader_takes(ByteView(sealed.frame).subspan(header), type)) << size;
    }
  }
}

TEST_P(Vp8Sealer, InPlaceToo) {
  const FrameType type = GetParam();
  const KeyRef key = raw_key(3);
  for (std::size_t size : {0, 1, 15, 16, 23, 24, 25, 31, 32, 33, 1000}) {
    Sealer sealer(livekit());
    const Bytes plain = vp8_frame(type, size);
    Bytes memory = plain;
    memory.resize(plain.size() + livekit().overhead);
    const Result<Written> written =
        sealer.seal(key, vp8(), type, ByteView(memory).first(plain.size()), memory);
    ASSERT_TRUE(written);
    ASSERT_EQ(written->size, memory.size());
    expect_opens(ring_of({key}), vp8(), memory, plain);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Vp8Sealer, testing::Values(FrameType::key, FrameType::delta),
                         [](const auto &test) {
                           return test.param == FrameType::key ? "key" : "delta";
                         });

TEST(Vp8Header, TypeIsTheFirstBit) {
  for (unsigned byte = 0; byte < 256; ++byte)
    EXPECT_EQ(vp8().frame_type(Bytes{static_cast<std::uint8_t>(byte)}),
              byte % 2 == 0 ? FrameType::key : FrameType::delta);
}

TEST(Vp8Header, Size) {
  Bytes frame = vp8_frame(FrameType::key, 0);
  EXPECT_EQ(vp8().frame_size(frame).width, 320U);
  EXPECT_EQ(vp8().frame_size(frame).height, 240U);
  // The two upper bits scale and are no part of the size.
  frame[7] |= 0xc0;
  frame[9] |= 0x40;
  EXPECT_EQ(vp8().frame_size(frame).width, 320U);
  EXPECT_EQ(vp8().frame_size(frame).height, 240U);
  for (std::size_t i = 3; i < 6; ++i) {
    Bytes other = frame;
    other[i] ^= 1;
    EXPECT_EQ(vp8().frame_size(other).width, 0U) << "start code";
  }
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(vp8().frame_size(prefix).width, 0U) << size;
    EXPECT_EQ(vp8().frame_size(prefix).height, 0U) << size;
  }
}

}  // namespace e2ee::test
