/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames of AV1 are temporal units in the low-overhead format, AV1 specification section 5.2.
#include "core/codec.h"

namespace e2ee {

extern const CodecRule kAv1;

namespace {

// obu_type, section 6.2.2.
constexpr unsigned kFrameHeader = 3;
constexpr unsigned kFrame = 6;

// leb128(), section 4.10.5; false when it does not end within the bytes. Takes them off.
bool read_size(ByteView &bytes, std::size_t &size) {
  size = 0;
  for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i) {
    size |= static_cast<std::size_t>(bytes[i] & 0x7f) << 7 * i;
    if ((bytes[i] & 0x80) == 0) {
      bytes = bytes.subspan(i + 1);
      return size <= bytes.size();
    }
  }
  return false;
}

// Of uncompressed_header(), section 5.9.2: show_existing_frame is 0 and frame_type KEY_FRAME.
bool is_key_frame(ByteView header) {
  return !header.empty() && (header[0] & 0xe0) == 0;
}

// By its first frame header. Still pictures with reduced headers count as they read.
FrameType frame_type(ByteView unit) {
  while (!unit.empty()) {
    const std::uint8_t header = unit[0];
    const bool has_extension = (header & 4) != 0;
    const bool has_size = (header & 2) != 0;
    unit = unit.subspan(1);
    if (has_extension && unit.empty())
      break;
    if (has_extension)
      unit = unit.subspan(1);
    std::size_t size = unit.size();
    if (has_size && !read_size(unit, size))
      break;
    const unsigned type = header >> 3 & 15;
    if (type == kFrameHeader || type == kFrame)
      return is_key_frame(unit.first(size)) ? FrameType::key : FrameType::delta;
    unit = unit.subspan(size);
  }
  return FrameType::delta;
}

}  // namespace

constinit const CodecRule kAv1 = {.id = CodecId::av1,
                                  .name = "AV1",
                                  .media_type = "video/x-av1",
                                  .rtp_name = "AV1",
                                  .video = true,
                                  .read_type = frame_type,
                                  .alignment = "tu"};

}  // namespace e2ee
