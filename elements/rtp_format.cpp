/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

namespace e2ee::rtp {

namespace {

// Order decides what a peer that takes anything is offered first.
constexpr std::array<const Format *, 5> kFormats = {&vp8_format, &vp9_format, &opus_format,
                                                    &multiopus_format, &red_format};

}  // namespace

std::span<const Format *const> formats(PayloadFormat which) {
  return which == PayloadFormat::SFrame ? sframe_formats() : kFormats;
}

unsigned picture_id_mask(PictureIdMode mode) {
  switch (mode) {
    case PictureIdMode::Bits7:
      return 0x7f;
    case PictureIdMode::Bits15:
      return 0x7fff;
    case PictureIdMode::None:
      break;
  }
  return 0;
}

void Numbering::count_layers(const Frame &frame, bool begins_picture) {
  layered = layered || frame.has_layers;
  temporal_layers = temporal_layers || frame.temporal_layer > 0;
  if (layered && begins_picture && frame.temporal_layer == 0)
    tl0picidx++;
}

void Descriptor::put_picture_id(const Numbering &numbering) {
  const unsigned id = numbering.picture_id & picture_id_mask(numbering.mode);
  if (numbering.mode == PictureIdMode::Bits7)
    put8(id);
  else if (numbering.mode == PictureIdMode::Bits15)
    put16(0x8000 | id);
}

PictureId Reader::get_picture_id() {
  const unsigned first = get8();
  if ((first & 0x80) == 0)
    return {first, 7};
  return {(first & 0x7f) << 8 | get8(), 15};
}

}  // namespace e2ee::rtp
