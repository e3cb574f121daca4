/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP8, RFC 6386: frame tag in section 9.1, frame header in 9.2 to 9.6 and 19.2, bool decoder in 7.
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kVp8;

namespace {

// The bool decoder where every probability is one half, which is all that this part of the header
// uses. The decoder's value is a fixed-point number X, first byte before the point. As long as X is
// below 128 the interval becomes a power of two and the bits are those of X. Otherwise the first
// bit is 1, the interval stays at 254 from then on, and the bits are the binary digits of
// (X - 128) / 127. Both are laid out at once: following the decoder bit by bit, with a jump that
// cannot be foretold for each, took longer than encrypting 10 kB.
class HalfBits {
 public:
  explicit HalfBits(const std::uint8_t *sight) : first_((sight[0] & 0x80) != 0) {
    std::uint64_t rest = sight[0] & 0x7f;
    std::uint32_t digits[kDigits];
    for (std::size_t i = 0; i < kDigits; ++i) {
      const std::uint8_t *at = sight + 1 + 4 * i;
      const std::uint32_t low = i + 1 < kDigits ? at[3] : 0;
      rest = rest << 32 | std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 |
             std::uint32_t{at[2]} << 8 | low;
      digits[i] = static_cast<std::uint32_t>(first_ ? rest / 127 : rest >> 7);
      rest = first_ ? rest % 127 : rest & 0x7f;
    }
    for (std::size_t i = 0; i < kDigits / 2; ++i)
      words_[i] = std::uint64_t{digits[2 * i]} << 32 | digits[2 * i + 1];
  }

  unsigned flag() {
    if (at_ == 0) {
      at_ = 1;
      return first_;
    }
    const unsigned at = at_++ - 1;
    return static_cast<unsigned>(words_[at / 64] >> (63 - at % 64)) & 1;
  }

  void skip(unsigned n) { at_ += n; }

  // `count` fields of `bits` bits, each behind a flag.
  void skip_flagged(unsigned count, unsigned bits) {
    while (count-- > 0)
      at_ += flag() * bits;
  }

 private:
  // The longest header has 179 bits up to the number of partitions.
  static constexpr std::size_t kDigits = 6;
  static_assert(kPayloaderSight == 4 * kDigits);

  bool first_;
  unsigned at_ = 0;
  std::uint64_t words_[kDigits / 2];
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
  if (ciphertext[0] == 0xff)  // beyond the interval: no encoder writes it
    return false;
  HalfBits bools(ciphertext.data());
  if (type == FrameType::key)
    bools.skip(2);     // color_space, clamping_type
  if (bools.flag()) {  // segmentation_enabled
    const bool map = bools.flag() != 0;
    const bool data = bools.flag() != 0;
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
  return (bools.flag() | bools.flag()) == 0;
}

// The commonest headers of those, told by their first bits alone. While the first bit is 0 the bits
// of the bool decoder are those of the ciphertext (see HalfBits). In a delta frame they are:
//
//   bit 0       segmentation_enabled; 0 as said, so that no segments follow
//   bits 1-10   filter type, level and sharpness: any
//   bit 11      loop_filter_adj_enable
//     0: bits 12 and 13 are log2_nbr_of_dct_partitions, to be 0
//     1: bit 12 is mode_ref_lf_delta_update, to be 0; then bits 13 and 14 are the partitions'
//
// In a key frame color_space (0 as said) and clamping_type (any) come first, and all else two bits
// later. Of random ciphertexts 3 in 32 begin like this as delta frames and 3 in 64 as key frames;
// payloader_takes() takes a quarter of all, but takes longer to tell.
const Beginnings &taken_beginnings(FrameType type) {
  static constexpr Beginnings kDelta = {{{0x801c0000, 0}, {0x801e0000, 0x00100000}}};
  static constexpr Beginnings kKey = {{{0xa0070000, 0}, {0xa0078000, 0x00040000}}};
  return type == FrameType::key ? kKey : kDelta;
}

}  // namespace

const CodecRule kVp8 = {.id = CodecId::vp8,
                        .name = "VP8",
                        .media_type = "video/x-vp8",
                        .rtp_name = "VP8",
                        .video = true,
                        .read_type = frame_type,
                        .read_size = frame_size,
                        .payloader_takes = payloader_takes,
                        .taken_beginnings = taken_beginnings};

}  // namespace e2ee
