/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/decoderconfig.h"

namespace e2ee {

namespace {

constexpr std::uint8_t kLengthSize = 4;  // that we write

// Reads what is left of a codec_data; a read beyond its end fails that and all later ones.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (const std::uint8_t byte : take(size))
      value = value << 8 | byte;
    return value;
  }
  ByteView take(std::size_t size) {
    ok_ = ok_ && size <= bytes_.size();
    if (!ok_)
      return {};
    const ByteView taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  bool ok() const { return ok_; }

 private:
  ByteView bytes_;
  bool ok_ = true;
};

void take_units(Reader &reader, std::size_t count, std::vector<NalBytes> &units) {
  for (; count > 0 && reader.ok(); --count) {
    const ByteView unit = reader.take(reader.number(2));
    if (!unit.empty())
      units.emplace_back(unit.begin(), unit.end());
  }
}

// Section 5.3.3.1.
void read_avcc(Reader &reader, DecoderConfig &config) {
  reader.take(4);
  config.length_size = (reader.number(1) & 3) + 1;
  take_units(reader, reader.number(1) & 31, config.units);
  take_units(reader, reader.number(1), config.units);
}

// Section 8.3.3.1.
void read_hvcc(Reader &reader, DecoderConfig &config) {
  reader.take(21);
  config.length_size = (reader.number(1) & 3) + 1;
  for (std::size_t arrays = reader.number(1); arrays > 0 && reader.ok(); --arrays) {
    reader.take(1);
    take_units(reader, reader.number(2), config.units);
  }
}

constexpr std::size_t kAvccHeader = 5;
constexpr std::size_t kHvccHeader = 22;

// profile_idc, constraint flags and level_idc where no codec_data came: constrained baseline 3.1.
// The parameter sets in the frames count for whoever decodes them.
constexpr std::uint8_t kAvccDefault[kAvccHeader] = {1, 66, 0xc0, 31};
// Main profile, level 3.1, 4:2:0 with 8 bits.
constexpr std::uint8_t kHvccDefault[kHvccHeader] = {
    1, 1, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0c};

}  // namespace

bool read_decoder_config(const CodecRule &codec, ByteView codec_data, DecoderConfig &config) {
  Reader reader(codec_data);
  config = {};
  if (codec.id == CodecId::h264)
    read_avcc(reader, config);
  else
    read_hvcc(reader, config);
  return reader.ok();
}

GstBuffer *decoder_config_without_sets(const CodecRule &codec, const GstStructure *caps) {
  const bool avc = codec.id == CodecId::h264;
  const ByteView none = avc ? ByteView(kAvccDefault) : ByteView(kHvccDefault);
  std::vector<std::uint8_t> data(none.begin(), none.end());
  const GValue *given = gst_structure_get_value(caps, "codec_data");
  if (given != nullptr && GST_VALUE_HOLDS_BUFFER(given))
    gst_buffer_extract(gst_value_get_buffer(given), 0, data.data(), data.size());
  if (avc) {
    data[4] = 0xfc | (kLengthSize - 1);
    data.insert(data.end(), {0xe0, 0});
  } else {
    data[21] = static_cast<std::uint8_t>((data[21] & 0xfc) | (kLengthSize - 1));
    data.push_back(0);
  }
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, data.size(), nullptr);
  gst_buffer_fill(buffer, 0, data.data(), data.size());
  return buffer;
}

}  // namespace e2ee
