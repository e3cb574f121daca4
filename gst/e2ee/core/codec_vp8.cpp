/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP8, RFC 6386: frame tag in section 9.1, frame header in 9.2 to 9.6 and 19.2, bool decoder in 7.
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kVp8;

namespace {

// The bool decoder at probability one half, all that this part of the header uses.
class BoolDecoder {
 public:
  explicit BoolDecoder(ByteView bytes) : bytes_(bytes) { value_ = byte() << 8 | byte(); }

  bool flag() {
    const unsigned split = 1 + (((range_ - 1) * 128) >> 8);
    const unsigned big_split = split << 8;
    bool bit;
    if (value_ >= big_split) {
      range_ -= split;
      value_ -= big_split;
      bit = true;
    } else {
      range_ = split;
      bit = false;
    }
    while (range_ < 128) {
      value_ <<= 1;
      range_ <<= 1;
      if (++shifted_ == 8) {
        shifted_ = 0;
        value_ |= byte();
      }
    }
    return bit;
  }

  void skip(unsigned n) {
    while (n-- > 0)
      flag();
  }

  // `count` fields of `bits` bits, each behind a flag.
  void skip_flagged(unsigned count, unsigned bits) {
    while (count-- > 0) {
      if (flag())
        skip(bits);
    }
  }

 private:
  unsigned byte() { return at_ < bytes_.size() ? bytes_[at_++] : 0; }

  ByteView bytes_;
  std::size_t at_ = 0;
  unsigned value_ = 0;
  unsigned range_ = 255;
  unsigned shifted_ = 0;
};

FrameType frame_type(ByteView frame) {
  return (frame[0] & 1) == 0 ? FrameType::key : FrameType::delta;
}

FrameSize frame_size(ByteView key_frame) {
  if (key_frame.size() < 10 || key_frame[3] != 0x9d || key_frame[4] != 0x01 || key_frame[5] != 0x2a)
    return {};
  const auto dimension = [&](std::size_t at) {
    return (key_frame[at] | unsigned{key_frame[at + 1]} << 8) & 0x3fff;
  };
  return {dimension(6), dimension(8)};
}

// rtpvp8pay reads the frame header to find the partitions, and fails the stream where the sizes it
// finds do not fit. With one partition there is no size to read, so any frame passes whose header
// says "one": log2_nbr_of_dct_partitions of 0.
bool payloader_takes(ByteView ciphertext, FrameType type) {
  BoolDecoder bools(ciphertext);
  if (type == FrameType::key)
    bools.skip(2);     // color_space, clamping_type
  if (bools.flag()) {  // segmentation_enabled
    const bool map = bools.flag();
    const bool data = bools.flag();
    if (data) {
      bools.skip(1);             // segment_feature_mode
      bools.skip_flagged(4, 8);  // quantizers
      bools.skip_flagged(4, 7);  // loop filter levels
    }
    if (map)
      bools.skip_flagged(3, 8);  // segment probabilities
  }
  bools.skip(1 + 6 + 3);             // filter type, level, sharpness
  if (bools.flag() && bools.flag())  // loop_filter_adj_enable, mode_ref_lf_delta_update
    bools.skip_flagged(8, 7);
  const bool high = bools.flag();
  return !high && !bools.flag();
}

}  // namespace

const CodecRule kVp8 = {CodecId::vp8, "VP8",      "video/x-vp8",  true,
                        frame_type,   frame_size, payloader_takes};

}  // namespace e2ee
