/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

// RFC 9628: RTP payload format for VP9, non-flexible mode (F = 0).
namespace e2ee::rtp {

namespace {

constexpr unsigned kHasPictureId = 0x80;  // I
constexpr unsigned kInterPicture = 0x40;  // P
constexpr unsigned kHasLayers = 0x20;     // L
constexpr unsigned kBegin = 0x08;         // B, of a layer frame
constexpr unsigned kEnd = 0x04;           // E
constexpr unsigned kHasStructure = 0x02;  // V

constexpr unsigned kMaxLayer = 7;
constexpr unsigned kSwitchingUp = 0x10;  // U
constexpr unsigned kInterLayer = 0x01;   // D

constexpr unsigned kStructureHasSize = 0x10;   // Y
constexpr unsigned kStructureHasGroup = 0x08;  // G
constexpr unsigned kMaxSize = 0xffff;

unsigned layer_index(unsigned layer) {
  return layer < kMaxLayer ? layer : kMaxLayer;
}

void put_layers(const Frame &frame, const Numbering &numbering, Descriptor &out) {
  const unsigned sid = layer_index(frame.spatial_layer);
  // The lowest spatial layer has none below it to depend on; encoders predict the others from it.
  out.put8(layer_index(frame.temporal_layer) << 5 | (frame.layer_sync ? kSwitchingUp : 0) |
           sid << 1 | (sid > 0 ? kInterLayer : 0));
  out.put8(numbering.tl0picidx);
}

// One spatial layer (N_S = 0). Without temporal layers a picture group of one picture that refers
// to the one before it, which is how Chromium and the stock payloader announce a plain stream.
// With them the group is left out, which announces no fixed dependencies: its pattern is known to
// the encoder alone. libwebrtc then takes each picture to need the one before it, which is safe as
// long as nobody on the way drops a layer without closing the gap in the picture IDs.
void put_structure(const Frame &frame, const Numbering &numbering, Descriptor &out) {
  const bool has_size =
      frame.width > 0 && frame.height > 0 && frame.width <= kMaxSize && frame.height <= kMaxSize;
  out.put8((has_size ? kStructureHasSize : 0) | (numbering.layered ? 0 : kStructureHasGroup));
  if (has_size) {
    out.put16(frame.width);
    out.put16(frame.height);
  }
  if (!numbering.layered) {
    out.put8(1);       // N_G: one picture
    out.put8(1 << 2);  // T = 0, U = 0, R = 1 reference
    out.put8(1);       // P_DIFF: the picture before
  }
}

void write_descriptor(const Frame &frame, const Numbering &numbering,
                      const PacketPosition &position, Descriptor &out) {
  const bool has_structure = frame.keyframe && position.first && frame.spatial_layer == 0;
  out.put8((numbering.mode != PictureIdMode::None ? kHasPictureId : 0) |
           (frame.keyframe ? 0 : kInterPicture) | (numbering.layered ? kHasLayers : 0) |
           (position.first ? kBegin : 0) | (position.last ? kEnd : 0) |
           (has_structure ? kHasStructure : 0));
  out.put_picture_id(numbering);
  if (numbering.layered)
    put_layers(frame, numbering, out);
  if (has_structure)
    put_structure(frame, numbering, out);
}

}  // namespace

constinit const Format vp9_format = {
    .frame_caps = "video/x-vp9",
    .media = "video",
    .encoding_names = {"VP9", "VP9-DRAFT-IETF-01"},
    .clock_rate = 90000,
    .splits = true,
    .spatial_layers = true,
    .write_descriptor = write_descriptor,
    .describe_rtp_caps = nullptr,
    .prefer_frame_caps = nullptr,
};

}  // namespace e2ee::rtp
