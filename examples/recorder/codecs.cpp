// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codecs.h"

#include <algorithm>
#include <cstring>

#include "common/gst_ptr.h"
#include "common/words.h"

namespace recorder {

using examples::Failure;

namespace {

// ---- what files hold beside the frames ----------------------------------------------------------

Bytes no_private_data(const GstStructure *, unsigned &) {
  return {};
}

Bytes bytes_of(GstBuffer *buffer) {
  Bytes bytes(gst_buffer_get_size(buffer));
  bytes.resize(gst_buffer_extract(buffer, 0, bytes.data(), bytes.size()));
  return bytes;
}

Bytes codec_data(const GstStructure *caps, unsigned &) {
  const GValue *value = gst_structure_get_value(caps, "codec_data");
  GstBuffer *buffer =
      value && GST_VALUE_HOLDS_BUFFER(value) ? gst_value_get_buffer(value) : nullptr;
  return buffer ? bytes_of(buffer) : Bytes{};
}

Bytes first_stream_header(const GstStructure *caps) {
  const GValue *headers = gst_structure_get_value(caps, "streamheader");
  if (!headers || !GST_VALUE_HOLDS_ARRAY(headers) || gst_value_array_get_size(headers) == 0)
    return {};
  const GValue *first = gst_value_array_get_value(headers, 0);
  GstBuffer *buffer = GST_VALUE_HOLDS_BUFFER(first) ? gst_value_get_buffer(first) : nullptr;
  return buffer ? bytes_of(buffer) : Bytes{};
}

// RFC 7845, 5.1. Pre-skip is 0: it says what to cut from the very first packet of an encoder, and a
// recording begins in the middle of a call. RTP does not tell it either; its timestamps are those
// of the samples that come out of a decoder that cuts nothing, so a delay here would shift the
// sound against the pictures.
Bytes opus_head(const GstStructure *caps, unsigned &channels) {
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

// Its frames say how many channels they have.
bool opus_goes_on(const Bytes &head, const Bytes &other) {
  constexpr std::size_t kMappingFamilyAt = 18;
  return head == other || (head[kMappingFamilyAt] == 0 && other[kMappingFamilyAt] == 0);
}

// ---- what frames say ----------------------------------------------------------------------------

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
std::optional<Picture> look_at_vp8(Frame frame, const Bytes &) {
  Picture picture{.keyframe = (frame[0] & 1) == 0};
  if (picture.keyframe && frame.size() >= 10 && frame[3] == 0x9D && frame[4] == 0x01 &&
      frame[5] == 0x2A) {
    picture.width = (frame[6] | frame[7] << 8) & 0x3FFF;
    picture.height = (frame[8] | frame[9] << 8) & 0x3FFF;
  }
  return picture;
}

// The uncompressed header of the VP9 bitstream specification, 6.2, up to the size.
std::optional<Picture> look_at_vp9(Frame frame, const Bytes &) {
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

// The size of lengths in front of NAL units, by a byte of the private data; 0: start codes.
unsigned nal_length_size(const Bytes &private_data, std::size_t at) {
  return private_data.size() > at ? (private_data[at] & 3) + 1 : 0;
}

std::optional<Picture> look_at_nal_units(bool h265, Frame frame, unsigned length_size) {
  const auto slice = first_slice(h265, frame, length_size);
  return slice ? std::optional(Picture{.keyframe = is_random_access(h265, *slice)}) : std::nullopt;
}

std::optional<Picture> look_at_h264(Frame frame, const Bytes &avcc) {
  return look_at_nal_units(false, frame, nal_length_size(avcc, 4));
}

std::optional<Picture> look_at_h265(Frame frame, const Bytes &hvcc) {
  return look_at_nal_units(true, frame, nal_length_size(hvcc, 21));
}

// ---- the table ----------------------------------------------------------------------------------

constexpr std::uint64_t kOpusPreRoll = 80'000'000;  // RFC 7845, 4.6

const Codec kCodecs[] = {
    {.name = "vp8",
     .title = "VP8",
     .media = Media::kVideo,
     .media_type = "video/x-vp8",
     .rtp_name = "VP8",
     .matroska_id = "V_VP8",
     .in_webm = true,
     .sframe_keeps_header = true,
     .depayloader = "rtpe2eedepay",
     .private_data = no_private_data,
     .look = look_at_vp8},
    {.name = "vp9",
     .title = "VP9",
     .media = Media::kVideo,
     .media_type = "video/x-vp9",
     .rtp_name = "VP9",
     .matroska_id = "V_VP9",
     .in_webm = true,
     .livekit_hides_all = true,
     .depayloader = "rtpe2eedepay",
     .merger = "e2eevp9merge",
     .private_data = no_private_data,
     .look = look_at_vp9},
    {.name = "h264",
     .title = "H.264",
     .media = Media::kVideo,
     .media_type = "video/x-h264",
     .rtp_name = "H264",
     .matroska_id = "V_MPEG4/ISO/AVC",
     .nal_units = true,
     .depayloader = "rtph264depay",
     .frames = "video/x-h264,stream-format=byte-stream,alignment=au",
     .parser = "h264parse",
     .written = "video/x-h264,stream-format=avc,alignment=au",
     .private_data = codec_data,
     .look = look_at_h264},
    {.name = "h265",
     .title = "H.265",
     .media = Media::kVideo,
     .media_type = "video/x-h265",
     .rtp_name = "H265",
     .matroska_id = "V_MPEGH/ISO/HEVC",
     .nal_units = true,
     .depayloader = "rtph265depay",
     .frames = "video/x-h265,stream-format=byte-stream,alignment=au",
     .parser = "h265parse",
     .written = "video/x-h265,stream-format=hvc1,alignment=au",
     .private_data = codec_data,
     .look = look_at_h265},
    {.name = "opus",
     .title = "Opus",
     .media = Media::kAudio,
     .media_type = "audio/x-opus",
     .rtp_name = "OPUS",
     .matroska_id = "A_OPUS",
     .in_webm = true,
     .depayloader = "rtpe2eedepay",
     .private_data = opus_head,
     .goes_on = opus_goes_on,
     .pre_roll_ns = kOpusPreRoll},
};

const Codec *find(const auto &matches) {
  const auto found = std::ranges::find_if(kCodecs, matches);
  return found == std::end(kCodecs) ? nullptr : &*found;
}

}  // namespace

std::span<const Codec> codecs() {
  return kCodecs;
}

const Codec *codec_named(const std::string &name) {
  return find([&name](const Codec &codec) { return name == codec.name; });
}

const Codec *codec_of(const GstCaps *caps) {
  const GstStructure *structure = gst_caps_get_structure(caps, 0);
  return find([structure](const Codec &codec) {
    return gst_structure_has_name(structure, codec.media_type);
  });
}

const Codec *codec_of_rtp(const char *encoding_name) {
  return find([encoding_name](const Codec &codec) {
    return encoding_name && g_ascii_strcasecmp(encoding_name, codec.rtp_name) == 0;
  });
}

std::string titles_of(const std::vector<const Codec *> &codecs) {
  std::vector<std::string> titles;
  for (const Codec *codec : codecs)
    titles.emplace_back(codec->title);
  return examples::listed(titles);
}

std::string titles_of_codecs() {
  std::vector<const Codec *> all;
  for (const Codec &codec : kCodecs)
    all.push_back(&codec);
  return titles_of(all);
}

}  // namespace recorder
