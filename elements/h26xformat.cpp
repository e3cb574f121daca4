/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "h26xformat.h"

#include <cstring>
#include <span>

#include "core/nal.h"
#include "framememory.h"

namespace e2ee {

namespace {

constexpr std::size_t kCode = sizeof kStartCode;
constexpr char kByteStream[] = "byte-stream";

// What is written into caps, of one codec.
struct Format {
  const char *lengths;     // parameter sets in codec_data alone, and what we write
  const char *lengths_in;  // parameter sets in frames as well
};

Format format_of(const CodecRule &codec) {
  return codec.id == CodecId::h264 ? Format{"avc", "avc3"} : Format{"hvc1", "hev1"};
}

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

// ---- caps ---------------------------------------------------------------------------------------

// Caps fields that a change of format leaves as they are.
GstStructure *without_format(const GstStructure *from) {
  GstStructure *copy = gst_structure_copy(from);
  gst_structure_remove_fields(copy, "stream-format", "codec_data", "alignment", nullptr);
  gst_structure_set(copy, "alignment", G_TYPE_STRING, "au", nullptr);
  return copy;
}

GstCaps *format_caps(const CodecRule &codec, const char *format) {
  return gst_caps_new_simple(codec.media_type, "stream-format", G_TYPE_STRING, format, "alignment",
                             G_TYPE_STRING, "au", nullptr);
}

std::vector<const char *> formats_of(const CodecRule &codec, bool sink, NalFormats output) {
  const Format format = format_of(codec);
  if (sink)
    return {kByteStream, format.lengths, format.lengths_in};
  if (output == NalFormats::byte_stream_only)
    return {kByteStream};
  return {format.lengths, kByteStream};
}

bool takes_any(const GstCaps *caps, const CodecRule &codec, std::span<const char *const> formats) {
  for (const char *format : formats) {
    GstCaps *wanted = format_caps(codec, format);
    const bool takes = gst_caps_can_intersect(caps, wanted);
    gst_caps_unref(wanted);
    if (takes)
      return true;
  }
  return false;
}

// What a pad can do when the other one's peer can do `caps`.
GstCaps *across(const GstCaps *caps, bool sink, NalFormats output) {
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    const GstStructure *item = gst_caps_get_structure(caps, i);
    const CodecRule *codec = nal_codec_of(item);
    if (codec == nullptr) {
      gst_caps_append_structure(result, gst_structure_copy(item));
      continue;
    }
    GstCaps *alone = gst_caps_new_full(gst_structure_copy(item), nullptr);
    if (takes_any(alone, *codec, formats_of(*codec, !sink, output))) {
      for (const char *format : formats_of(*codec, sink, output)) {
        GstStructure *copy = without_format(item);
        gst_structure_set(copy, "stream-format", G_TYPE_STRING, format, nullptr);
        result = gst_caps_merge_structure(result, copy);
      }
    }
    gst_caps_unref(alone);
  }
  return result;
}

}  // namespace

const CodecRule *nal_codec_of(const GstStructure *caps) {
  const CodecRule *codec = codec_for_media_type(gst_structure_get_name(caps));
  return codec != nullptr && codec->nal != nullptr ? codec : nullptr;
}

// ---- NalInput -----------------------------------------------------------------------------------

bool NalInput::set_caps(const GstCaps *caps) {
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  const CodecRule *codec = nal_codec_of(fields);
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
  if (config_.length_size == 0 || gst_buffer_get_size(buffer) == 0)
    return true;
  std::vector<std::uint8_t> frame;
  {
    MappedBuffer map(buffer, GST_MAP_READ);
    std::size_t units = 0;
    if (!map || !lengths_fit(map.bytes(), config_.length_size, units))
      return false;
    if (config_.length_size != kCode) {
      frame.reserve(map.bytes().size() + units * kCode);
      for (ByteView left = map.bytes(); !left.empty();) {
        const std::size_t length = read_length(left.data(), config_.length_size);
        append(frame, kStartCode);
        append(frame, left.subspan(config_.length_size, length));
        left = left.subspan(config_.length_size + length);
      }
    }
  }
  if (config_.length_size != kCode)
    return set_contents(buffer, frame);
  buffer = gst_buffer_make_writable(buffer);
  return write_codes(buffer);
}

// ---- NalOutput ----------------------------------------------------------------------------------

GstCaps *NalOutput::choose(GstPad *src, const GstCaps *caps) {
  const GstStructure *from = gst_caps_get_structure(caps, 0);
  const CodecRule &codec = *nal_codec_of(from);
  const char *lengths = format_of(codec).lengths;
  GstCaps *peer = gst_pad_peer_query_caps(src, nullptr);
  const char *const only_stream[] = {kByteStream};
  const bool stream = peer != nullptr && !takes_any(peer, codec, {&lengths, 1}) &&
                      takes_any(peer, codec, only_stream);
  gst_clear_caps(&peer);
  codec_ = stream ? nullptr : &codec;
  if (stream)
    return byte_stream_caps(caps);
  GstStructure *fields = without_format(from);
  GstBuffer *data = decoder_config_without_sets(codec, from);
  gst_structure_set(fields, "stream-format", G_TYPE_STRING, lengths, "codec_data", GST_TYPE_BUFFER,
                    data, nullptr);
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
  if (codec_ == nullptr || gst_buffer_get_size(buffer) == 0)
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

// ---- caps ---------------------------------------------------------------------------------------

GstCaps *byte_stream_caps(const GstCaps *caps) {
  GstStructure *fields = without_format(gst_caps_get_structure(caps, 0));
  gst_structure_set(fields, "stream-format", G_TYPE_STRING, kByteStream, nullptr);
  return gst_caps_new_full(fields, nullptr);
}

void answer_caps_query(GstPad *pad, GstPad *other, NalFormats output, GstQuery *query) {
  const bool sink = GST_PAD_IS_SINK(pad);
  GstCaps *filter = nullptr;
  gst_query_parse_caps(query, &filter);
  GstCaps *all = gst_pad_get_pad_template_caps(pad);
  GstCaps *peer = gst_pad_peer_query_caps(other, nullptr);
  const bool open = peer == nullptr || gst_caps_is_any(peer);
  GstCaps *answer = all;
  if (!open || filter != nullptr) {
    GstCaps *possible = across(open ? all : peer, sink, output);
    answer = gst_caps_intersect_full(possible, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(possible);
    gst_caps_unref(all);
  }
  // Ours is the order: a depayloader that may choose has to choose byte streams, since it takes
  // parameter sets out of frames otherwise.
  if (filter != nullptr) {
    GstCaps *wanted = gst_caps_intersect_full(answer, filter, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(answer);
    answer = wanted;
  }
  gst_query_set_caps_result(query, answer);
  gst_caps_unref(answer);
  gst_clear_caps(&peer);
}

}  // namespace e2ee
