/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Sequence parameter sets of H.264, sections 7.3.2.1 and E.1.
#include "core/sps.h"

#include <algorithm>

#include "core/bits.h"
#include "core/nal.h"

namespace e2ee {

namespace {

constexpr std::size_t kMaxSize = 1024;  // far beyond any
constexpr unsigned kMaxReferences = 16;
constexpr unsigned kBaseline = 66;
constexpr unsigned kProfilesWithChroma[] = {100, 110, 122, 244, 44,  83, 86,
                                            118, 128, 138, 139, 134, 135};
constexpr unsigned kExtendedSar = 255;

struct Order {
  unsigned profile = 0;
  unsigned count_type = 0;  // of the picture order count
  unsigned references = 0;

  // Whether no picture can be shown before one that is decoded earlier: there are no B slices, or
  // the order of output is that of decoding.
  bool fixed() const { return profile == kBaseline || count_type == 2; }
};

void skip_golombs(BitReader &reader, unsigned count) {
  while (count-- > 0 && reader.ok())
    reader.golomb();
}

void skip_scaling_list(BitReader &reader, unsigned size) {
  unsigned last = 8;
  for (unsigned i = 0, next = 8; i < size && next != 0 && reader.ok(); ++i) {
    const unsigned code = reader.golomb();
    const unsigned delta = code % 2 == 1 ? (code + 1) / 2 : 0U - code / 2;
    next = (last + delta) & 0xff;
    last = next != 0 ? next : last;
  }
}

void skip_chroma(BitReader &reader) {
  const unsigned format = reader.golomb();
  if (format == 3)
    reader.bits(1);         // separate_colour_plane_flag
  skip_golombs(reader, 2);  // bit depths
  reader.bits(1);           // qpprime_y_zero_transform_bypass_flag
  if (reader.bits(1) == 0)  // seq_scaling_matrix_present_flag
    return;
  for (unsigned i = 0; i < (format == 3 ? 12U : 8U); ++i) {
    if (reader.bits(1) != 0)
      skip_scaling_list(reader, i < 6 ? 16 : 64);
  }
}

// Up to vui_parameters_present_flag.
Order read_up_to_vui(BitReader &reader) {
  Order order;
  reader.bits(8);  // header of the NAL unit
  order.profile = reader.bits(8);
  reader.bits(16);  // constraints, level
  reader.golomb();  // seq_parameter_set_id
  if (std::find(std::begin(kProfilesWithChroma), std::end(kProfilesWithChroma), order.profile) !=
      std::end(kProfilesWithChroma))
    skip_chroma(reader);
  reader.golomb();  // log2_max_frame_num_minus4
  order.count_type = reader.golomb();
  if (order.count_type == 0) {
    reader.golomb();
  } else if (order.count_type == 1) {
    reader.bits(1);
    skip_golombs(reader, 2);
    skip_golombs(reader, reader.golomb());
  }
  order.references = reader.golomb();
  reader.bits(1);           // gaps_in_frame_num_value_allowed_flag
  skip_golombs(reader, 2);  // width, height
  if (reader.bits(1) == 0)  // frame_mbs_only_flag
    reader.bits(1);
  reader.bits(1);           // direct_8x8_inference_flag
  if (reader.bits(1) != 0)  // frame_cropping_flag
    skip_golombs(reader, 4);
  return order;
}

void skip_hrd(BitReader &reader) {
  const unsigned count = reader.golomb() + 1;
  reader.bits(8);
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    skip_golombs(reader, 2);
    reader.bits(1);
  }
  reader.bits(20);
}

// From behind vui_parameters_present_flag up to bitstream_restriction_flag.
void skip_vui(BitReader &reader) {
  if (reader.bits(1) != 0 && reader.bits(8) == kExtendedSar)
    reader.bits(32);
  if (reader.bits(1) != 0)  // overscan
    reader.bits(1);
  if (reader.bits(1) != 0) {  // video_signal_type
    reader.bits(4);
    if (reader.bits(1) != 0)
      reader.bits(24);
  }
  if (reader.bits(1) != 0)  // chroma_loc_info
    skip_golombs(reader, 2);
  if (reader.bits(1) != 0) {  // timing_info
    reader.bits(32);
    reader.bits(32);
    reader.bits(1);
  }
  bool hrd = false;
  for (unsigned layer = 0; layer < 2; ++layer) {
    if (reader.bits(1) != 0) {
      skip_hrd(reader);
      hrd = true;
    }
  }
  if (hrd)
    reader.bits(1);  // low_delay_hrd_flag
  reader.bits(1);    // pic_struct_present_flag
}

// Up to max_num_reorder_frames, with what is assumed where it is not there.
void put_restriction(BitWriter &writer) {
  writer.put(1, 1);  // motion_vectors_over_pic_boundaries_flag
  writer.golomb(2);  // max_bytes_per_pic_denom
  writer.golomb(1);  // max_bits_per_mb_denom
  writer.golomb(16);
  writer.golomb(16);  // log2_max_mv_length
}

// Whether nothing but the stop bit follows: otherwise something was read wrongly.
bool at_end(BitReader reader, std::size_t size) {
  if (reader.bits(1) == 0)
    return false;
  while (reader.at() < 8 * size) {
    if (reader.bits(1) != 0)
      return false;
  }
  return reader.ok();
}

std::vector<std::uint8_t> escaped(std::vector<std::uint8_t> unit) {
  std::vector<std::size_t> at;
  const std::size_t size = unit.size();
  find_escapes(unit, size, at);
  unit.resize(size + at.size());
  insert_escapes(unit.data(), size, at);
  return unit;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> sps_in_order(ByteView unit) {
  if (unit.size() > kMaxSize)
    return {};
  const std::vector<std::uint8_t> plain = unescaped(unit);
  BitReader reader(plain);
  const Order order = read_up_to_vui(reader);
  std::size_t same = reader.at();  // bits to keep
  const bool has_vui = reader.bits(1) != 0;
  bool has_restriction = false;
  if (has_vui) {
    skip_vui(reader);
    same = reader.at();
    has_restriction = reader.bits(1) != 0;
  }
  if (has_restriction) {
    reader.bits(1);
    skip_golombs(reader, 4);
    const bool in_order = reader.golomb() == 0;
    same = reader.at();
    if (!in_order || reader.golomb() <= order.references)
      return {};
  } else if (!order.fixed()) {
    return {};
  }
  if (!at_end(reader, plain.size()) || order.references > kMaxReferences)
    return {};

  BitWriter writer(plain, same);
  if (!has_vui)
    writer.put(1U << 8, 9);  // a VUI, and eight things that it does not have
  if (!has_restriction) {
    writer.put(1, 1);
    put_restriction(writer);
    writer.golomb(0);  // max_num_reorder_frames
  }
  writer.golomb(order.references);  // max_dec_frame_buffering
  writer.put(1, 1);                 // rbsp_stop_one_bit
  return escaped(writer.take());
}

}  // namespace e2ee
