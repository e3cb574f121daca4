// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codecs.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

namespace recorder {

using examples::CharPtr;

namespace {

using Frame = std::span<const std::uint8_t>;

struct Known {
  const char *media_type, *codec, *codec_id;
};
constexpr Known kCodecs[] = {
    {"video/x-vp8", "vp8", "V_VP8"},
    {"video/x-vp9", "vp9", "V_VP9"},
    {"video/x-h264", "h264", "V_MPEG4/ISO/AVC"},
    {"video/x-h265", "h265", "V_MPEGH/ISO/HEVC"},
    {"audio/x-opus", "opus", "A_OPUS"},
};

std::vector<std::uint8_t> bytes_of(GstBuffer *buffer) {
  std::vector<std::uint8_t> bytes(gst_buffer_get_size(buffer));
  bytes.resize(gst_buffer_extract(buffer, 0, bytes.data(), bytes.size()));
  return bytes;
}

std::vector<std::uint8_t> codec_data(const GstStructure *caps) {
  const GValue *value = gst_structure_get_value(caps, "codec_data");
  GstBuffer *buffer =
      value && GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
  return buffer ? bytes_of(buffer) : std::vector<std::uint8_t>{};
}

std::vector<std::uint8_t> first_stream_header(const GstStructure *caps) {
  const GValue *headers = gst_structure_get_value(caps, "streamheader");
  if (!headers || !GST_VALUE_HOLDS_ARRAY(headers) || gst_value_array_get_size(headers) == 0)
    return {};
  const GValue *first = gst_value_array_get_value(headers, 0);
  GstBuffer *buffer = GST_VALUE_HOLDS_BUFFER(first) ? gst_value_get_buffer(first) : nullptr;
  return buffer ? bytes_of(buffer) : std::vector<std::uint8_t>{};
}

// RFC 7845, 5.1. Pre-skip is 0: it says what to cut from the very first packet of an encoder, and a
// recording begins in the middle of a call. RTP does not tell it either; its timestamps are those
// of the samples that come out of a decoder that cuts nothing, so a delay here would shift the
// sound against the pictures.
std::vector<std::uint8_t> opus_head(const GstStructure *caps, unsigned &channels) {
  constexpr std::size_t kSize = 19, kChannelsAt = 9, kPreSkipAt = 10;
  auto head = first_stream_header(caps);
  if (head.size() >= kSize && std::memcmp(head.data(), "OpusHead", 8) == 0) {
    channels = head[kChannelsAt];
    head[kPreSkipAt] = head[kPreSkipAt + 1] = 0;
    return head;
  }
  int family = 0;
  gst_structure_get_int(caps, "channel-mapping-family", &family);
  if (family != 0)
    throw Failure("cannot record Opus of channel mapping family " + std::to_string(family) +
                  " without a stream header");
  int in_caps = 2;
  gst_structure_get_int(caps, "channels", &in_caps);
  channels = in_caps == 1 ? 1 : 2;
  const auto count = static_cast<std::uint8_t>(channels);
  // Version 1, channels, pre-skip, 48 kHz, gain, mapping family.
  return {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, count, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0};
}

class BitReader {
 public:
  explicit BitReader(Frame bytes) : bytes_(bytes) {}

  // Bits behind the end are 0.
  unsigned take(unsigned bits) {
    unsigned value = 0;
    for (; bits > 0; bits--, at_++) {
      const std::size_t byte = at_ / 8;
      value = value << 1 | (byte < bytes_.size() ? bytes_[byte] >> (7 - at_ % 8) & 1U : 0U);
    }
    return value;
  }

 private:
  Frame bytes_;
  std::size_t at_ = 0;
};

// RFC 6386, 9.1. Ten bytes of a key frame are clear, so this is also there in an encrypted one.
Picture look_at_vp8(Frame frame) {
  Picture picture{.keyframe = (frame[0] & 1) == 0};
  if (picture.keyframe && frame.size() >= 10 && frame[3] == 0x9D && frame[4] == 0x01 &&
      frame[5] == 0x2A) {
    picture.width = (frame[6] | frame[7] << 8) & 0x3FFF;
    picture.height = (frame[8] | frame[9] << 8) & 0x3FFF;
  }
  return picture;
}

// The uncompressed header of the VP9 bitstream specification, 6.2, up to the size.
std::optional<Picture> look_at_vp9(Frame frame) {
  constexpr unsigned kFrameMarker = 2, kSyncCode = 0x498342, kSrgb = 7;
  BitReader bits{frame};
  if (bits.take(2) != kFrameMarker)
    return std::nullopt;
  unsigned profile = bits.take(1);
  profile |= bits.take(1) << 1;
  if (profile == 3)
    bits.take(1);
  const bool shows_existing = bits.take(1);
  const bool inter = bits.take(1);
  if (shows_existing || inter)
    return Picture{};
  bits.take(2);  // show_frame, error_resilient_mode
  if (bits.take(24) != kSyncCode)
    return std::nullopt;
  if (profile >= 2)
    bits.take(1);  // bit depth
  if (bits.take(3) != kSrgb)
    bits.take(profile & 1 ? 4 : 1);  // range, subsampling
  else if (profile & 1)
    bits.take(1);
  const unsigned width = bits.take(16) + 1;
  return Picture{true, width, bits.take(16) + 1};
}

bool is_slice(bool h265, std::uint8_t header) {
  const unsigned type = h265 ? header >> 1 & 0x3F : header & 0x1F;
  return h265 ? type < 32 : type >= 1 && type <= 5;
}

bool is_random_access(bool h265, std::uint8_t header) {
  const unsigned type = h265 ? header >> 1 & 0x3F : header & 0x1F;
  return h265 ? type >= 16 && type <= 23 : type == 5;
}

// The header byte of the first slice: encryption leaves what is in front of it as it was.
std::optional<std::uint8_t> first_slice(bool h265, Frame frame, unsigned length_size) {
  if (length_size == 0) {
    for (std::size_t i = 0; i + 3 < frame.size(); i++)
      if (frame[i] == 0 && frame[i + 1] == 0 && frame[i + 2] == 1 && is_slice(h265, frame[i + 3]))
        return frame[i + 3];
    return std::nullopt;
  }
  while (frame.size() > length_size) {
    std::size_t length = 0;
    for (unsigned i = 0; i < length_size; i++)
      length = length << 8 | frame[i];
    frame = frame.subspan(length_size);
    if (is_slice(h265, frame[0]))
      return frame[0];
    if (length > frame.size())
      break;
    frame = frame.subspan(length);
  }
  return std::nullopt;
}

// 0 for a stream with start codes.
unsigned nal_length_size(const Format &format) {
  const auto &data = format.track.private_data;
  const std::size_t at = format.codec == "h265" ? 21 : 4;
  return data.size() > at ? (data[at] & 3) + 1 : 0;
}

}  // namespace

bool Format::continues(const Format &other) const {
  if (codec != other.codec)
    return false;
  constexpr std::size_t kMappingFamilyAt = 18;
  const auto &mine = track.private_data, &others = other.track.private_data;
  const bool plain_opus =
      codec == "opus" && mine[kMappingFamilyAt] == 0 && others[kMappingFamilyAt] == 0;
  return plain_opus || mine == others;
}

Format format_from_caps(const GstCaps *caps) {
  if (!caps || gst_caps_is_empty(caps))
    throw Failure("cannot record frames without caps");
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  const auto known = std::ranges::find_if(kCodecs, [structure](const Known &candidate) {
    return gst_structure_has_name(structure, candidate.media_type);
  });
  if (known == std::end(kCodecs))
    throw Failure(std::string{"cannot record "} + gst_structure_get_name(structure));

  Format format;
  format.codec = known->codec;
  format.caps = CharPtr{gst_caps_to_string(caps)}.get();
  format.track.codec_id = known->codec_id;
  if (format.codec == "opus") {
    format.track.private_data = opus_head(structure, format.track.channels);
    return format;
  }
  if (format.codec == "h264" || format.codec == "h265")
    format.track.private_data = codec_data(structure);
  int width = 0, height = 0;
  if (gst_structure_get_int(structure, "width", &width) &&
      gst_structure_get_int(structure, "height", &height) && width > 0 && height > 0) {
    format.track.width = static_cast<unsigned>(width);
    format.track.height = static_cast<unsigned>(height);
  }
  return format;
}

Picture look_at_picture(const Format &format, Frame frame, bool delta_flag, bool readable) {
  Picture picture{.keyframe = !delta_flag};
  if (frame.empty() || !readable)
    return picture;
  if (format.codec == "vp8") {
    picture = look_at_vp8(frame);
  } else if (format.codec == "vp9") {
    if (const auto found = look_at_vp9(frame))
      picture = *found;
  } else {
    const bool h265 = format.codec == "h265";
    if (const auto slice = first_slice(h265, frame, nal_length_size(format)))
      picture.keyframe = is_random_access(h265, *slice);
  }
  return picture;
}

}  // namespace recorder
