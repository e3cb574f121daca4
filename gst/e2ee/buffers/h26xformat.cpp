/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/h26xformat.h"

#include <cstring>

#include "buffers/framememory.h"
#include "buffers/sframertp.h"
#include "core/nal.h"

namespace e2ee {

namespace {

constexpr std::size_t kCode = sizeof kStartCode;

// ---- buffers ------------------------------------------------------------------------------------

std::size_t read_length(const std::uint8_t *at, std::size_t size) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < size; ++i)
    length = length << 8 | at[i];
  return length;
}

// Whether lengths and NAL units fill `frame`.
bool lengths_fit(ByteView frame, std::size_t length_size, std::size_t &units) {
  units = 0;
  while (!frame.empty()) {
    if (frame.size() < length_size)
      return false;
    const std::size_t length = read_length(frame.data(), length_size);
    if (length > frame.size() - length_size)
      return false;
    frame = frame.subspan(length_size + length);
    ++units;
  }
  return true;
}

// Lengths of four bytes become start codes where they are.
bool write_codes(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READWRITE))
    return false;
  for (std::size_t at = 0; at < map.size;) {
    const std::size_t length = read_length(map.data + at, kCode);
    std::memcpy(map.data + at, kStartCode, kCode);
    at += kCode + length;
  }
  gst_buffer_unmap(buffer, &map);
  return true;
}

}  // namespace

bool lengths_to_byte_stream(GstBuffer *&buffer, std::size_t length_size) {
  if (gst_buffer_get_size(buffer) == 0)
    return true;
  std::vector<std::uint8_t> frame;
  {
    MappedBuffer map(buffer, GST_MAP_READ);
    std::size_t units = 0;
    if (!map || !lengths_fit(map.bytes(), length_size, units))
      return false;
    if (length_size != kCode) {
      frame.reserve(map.bytes().size() + units * kCode);
      for (ByteView left = map.bytes(); !left.empty();) {
        const std::size_t length = read_length(left.data(), length_size);
        append(frame, kStartCode);
        append(frame, left.subspan(length_size, length));
        left = left.subspan(length_size + length);
      }
    }
  }
  if (length_size != kCode)
    return set_contents(buffer, frame);
  buffer = gst_buffer_make_writable(buffer);
  return write_codes(buffer);
}

bool byte_stream_to_lengths(GstBuffer *&buffer) {
  if (gst_buffer_get_size(buffer) == 0)
    return true;
  std::vector<std::uint8_t> out;
  {
    MappedBuffer map(buffer, GST_MAP_READ);
    if (!map)
      return false;
    const ByteView frame = map.bytes();
    NalReader reader(frame);
    for (NalUnit unit; reader.next(unit);) {
      const ByteView bytes = unit.of(frame);
      std::uint8_t length[kCode];
      store_be32(length, static_cast<std::uint32_t>(bytes.size()));
      append(out, length);
      append(out, bytes);
    }
  }
  return set_contents(buffer, out);
}

LengthFormats length_formats_of(const CodecRule &codec) {
  return codec.id == CodecId::h264 ? LengthFormats{"avc", "avc3"} : LengthFormats{"hvc1", "hev1"};
}

const CodecRule *nal_codec_of(const GstStructure *caps) {
  const CodecRule *codec = codec_for_media_type(gst_structure_get_name(caps));
  return codec != nullptr && codec->nal != nullptr ? codec : nullptr;
}

// ---- NalInput -----------------------------------------------------------------------------------

bool NalInput::set_caps(const GstCaps *caps) {
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  const CodecRule *codec = is_sframe_rtp(fields) ? nullptr : nal_codec_of(fields);
  const gchar *format = gst_structure_get_string(fields, "stream-format");
  DecoderConfig config;
  if (codec != nullptr && format != nullptr && std::strcmp(format, kByteStream) != 0) {
    config.length_size = kCode;
    const GValue *value = gst_structure_get_value(fields, "codec_data");
    if (value != nullptr && GST_VALUE_HOLDS_BUFFER(value)) {
      MappedBuffer map(gst_value_get_buffer(value), GST_MAP_READ);
      if (!map || !read_decoder_config(*codec, map.bytes(), config))
        return false;
    }
  }
  // Caps that say nothing new of the parameter sets are older than those that came since.
  const bool is_news = codec != codec_ || config != config_;
  codec_ = codec;
  config_ = std::move(config);
  if (is_news)
    new_stream();
  return true;
}

bool NalInput::to_byte_stream(GstBuffer *&buffer) const {
  return config_.length_size == 0 || lengths_to_byte_stream(buffer, config_.length_size);
}

// ---- NalOutput ----------------------------------------------------------------------------------

GstCaps *NalOutput::choose(const GstCaps *caps, bool byte_stream) {
  const GstStructure *from = gst_caps_get_structure(caps, 0);
  const CodecRule &codec = *nal_codec_of(from);
  codec_ = byte_stream ? nullptr : &codec;
  if (byte_stream)
    return byte_stream_caps(caps);
  GstStructure *fields = without_format(from);
  GstBuffer *data = decoder_config_without_sets(codec, from);
  gst_structure_set(fields, "stream-format", G_TYPE_STRING, length_formats_of(codec).sets_outside,
                    "codec_data", GST_TYPE_BUFFER, data, nullptr);
  gst_buffer_unref(data);
  return gst_caps_new_full(fields, nullptr);
}

void NalOutput::finish_sealed(GstBuffer *buffer, gsize behind) const {
  if (codec_ == nullptr)
    return;
  MappedBuffer map(buffer, GST_MAP_READWRITE);
  if (!map)
    return;
  const ByteSpan frame = map.bytes();
  NalReader reader(frame);
  // The encryptor wrote start codes of four bytes and left nothing between NAL units.
  for (NalUnit unit; reader.next(unit, codec_->nal);) {
    const std::size_t more = unit.end == frame.size() ? behind : 0;
    store_be32(frame.data() + unit.code, static_cast<std::uint32_t>(unit.end - unit.begin + more));
  }
}

bool NalOutput::finish_clear(GstBuffer *&buffer) const {
  return codec_ == nullptr || byte_stream_to_lengths(buffer);
}

// ---- caps ---------------------------------------------------------------------------------------

GstStructure *without_format(const GstStructure *from) {
  GstStructure *copy = gst_structure_copy(from);
  gst_structure_remove_fields(copy, "stream-format", "codec_data", "alignment", nullptr);
  gst_structure_set(copy, "alignment", G_TYPE_STRING, "au", nullptr);
  return copy;
}

GstCaps *byte_stream_caps(const GstCaps *caps) {
  GstStructure *fields = without_format(gst_caps_get_structure(caps, 0));
  gst_structure_set(fields, "stream-format", G_TYPE_STRING, kByteStream, nullptr);
  return gst_caps_new_full(fields, nullptr);
}

}  // namespace e2ee
