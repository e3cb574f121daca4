/* SPDX-License-Identifier: LGPL-2.1-or-later */
// VP9 uncompressed header, "VP9 Bitstream & Decoding Process Specification" section 6.2.
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kVp9;

namespace {

class BitReader {
 public:
  explicit BitReader(ByteView bytes) : bytes_(bytes) {}

  // Bits past the end read as zero; ok() tells.
  unsigned bits(unsigned n) {
    unsigned value = 0;
    for (; n > 0; --n, ++at_) {
      value <<= 1;
      if (at_ / 8 < bytes_.size())
        value |= (bytes_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    }
    return value;
  }
  bool ok() const { return at_ <= bytes_.size() * 8; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

constexpr unsigned kFrameMarker = 2;
constexpr unsigned kSyncCode = 0x498342;
constexpr unsigned kColorSpaceRgb = 7;

// Reads up to the frame type. A frame that shows an existing one has no type: it is a delta.
FrameType read_type(BitReader &reader, unsigned &profile) {
  if (reader.bits(2) != kFrameMarker)
    return FrameType::delta;
  const unsigned low = reader.bits(1);
  profile = low + 2 * reader.bits(1);
  if (profile == 3)
    reader.bits(1);
  if (reader.bits(1) == 1)
    return FrameType::delta;
  return reader.bits(1) == 0 && reader.ok() ? FrameType::key : FrameType::delta;
}

FrameType frame_type(ByteView frame) {
  BitReader reader(frame);
  unsigned profile = 0;
  return read_type(reader, profile);
}

FrameSize frame_size(ByteView key_frame) {
  BitReader reader(key_frame);
  unsigned profile = 0;
  if (read_type(reader, profile) != FrameType::key)
    return {};
  reader.bits(2);  // show_frame, error_resilient_mode
  if (reader.bits(24) != kSyncCode)
    return {};
  if (profile >= 2)
    reader.bits(1);  // bit depth
  const bool subsampling_given = profile == 1 || profile == 3;
  if (reader.bits(3) != kColorSpaceRgb)
    reader.bits(subsampling_given ? 4 : 1);  // range, subsampling, reserved
  else if (subsampling_given)
    reader.bits(1);  // reserved
  FrameSize size;
  size.width = reader.bits(16) + 1;
  size.height = reader.bits(16) + 1;
  return reader.ok() ? size : FrameSize{};
}

}  // namespace

const CodecRule kVp9 = {CodecId::vp9, "VP9",      "video/x-vp9", true,
                        frame_type,   frame_size, nullptr,       nullptr};

}  // namespace e2ee
