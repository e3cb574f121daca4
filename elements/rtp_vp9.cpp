/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

#include <algorithm>

// RFC 9628: RTP payload format for VP9. Written in non-flexible mode (F = 0), read in both.
namespace e2ee::rtp {

namespace {

constexpr unsigned kHasPictureId = 0x80;  // I
constexpr unsigned kInterPicture = 0x40;  // P
constexpr unsigned kHasLayers = 0x20;     // L
constexpr unsigned kFlexible = 0x10;      // F
constexpr unsigned kBegin = 0x08;         // B, of a layer frame
constexpr unsigned kEnd = 0x04;           // E
constexpr unsigned kHasStructure = 0x02;  // V

constexpr unsigned kMaxLayer = 7;
constexpr unsigned kSwitchingUp = 0x10;  // U
constexpr unsigned kInterLayer = 0x01;   // D

constexpr int kMaxReferences = 3;
constexpr unsigned kMoreReferences = 0x01;  // N

constexpr unsigned kStructureLayersShift = 5;  // N_S, one less than there are
constexpr unsigned kStructureHasSizes = 0x10;  // Y
constexpr unsigned kStructureHasGroup = 0x08;  // G
constexpr unsigned kMaxSize = 0xffff;

unsigned layer_index(unsigned layer) {
  return layer < kMaxLayer ? layer : kMaxLayer;
}

void put_layers(const Frame &frame, const Numbering &numbering, Descriptor &out) {
  const unsigned sid = layer_index(frame.spatial_layer);
  out.put8(layer_index(frame.temporal_layer) << 5 | (frame.layer_sync ? kSwitchingUp : 0) |
           sid << 1 | (frame.needs_layer_below ? kInterLayer : 0));
  out.put8(numbering.tl0picidx);
}

bool fits(const Size &size) {
  return size.width > 0 && size.height > 0 && size.width <= kMaxSize && size.height <= kMaxSize;
}

// Without temporal layers a picture group of one picture that refers to the one before it, which is
// how Chromium and the stock payloader announce a plain stream. With them the group is left out,
// which announces no fixed dependencies: its pattern is known to the encoder alone. libwebrtc then
// takes each picture to need the one before it, which is safe as long as nobody on the way drops a
// layer without closing the gap in the picture IDs.
void put_structure(const Frame &frame, const Numbering &numbering, Descriptor &out) {
  const std::size_t layers = std::clamp<std::size_t>(frame.spatial_layers, 1, kMaxSpatialLayers);
  std::array<Size, kMaxSpatialLayers> sizes = frame.layer_sizes;
  if (layers == 1)
    sizes[0] = frame.size;
  const bool has_sizes = std::all_of(sizes.begin(), sizes.begin() + layers, fits);
  const bool has_group = !numbering.layered || (layers > 1 && !numbering.temporal_layers);
  out.put8(static_cast<unsigned>(layers - 1) << kStructureLayersShift |
           (has_sizes ? kStructureHasSizes : 0) | (has_group ? kStructureHasGroup : 0));
  for (std::size_t i = 0; has_sizes && i < layers; i++) {
    out.put16(sizes[i].width);
    out.put16(sizes[i].height);
  }
  if (has_group) {
    out.put8(1);       // N_G: one picture
    out.put8(1 << 2);  // T = 0, U = 0, R = 1 reference
    out.put8(1);       // P_DIFF: the picture before
  }
}

void write_descriptor(const Frame &frame, const Numbering &numbering,
                      const PacketPosition &position, Descriptor &out) {
  const bool has_structure = frame.keyframe && position.first && frame.spatial_layer == 0;
  out.put8((numbering.mode != PictureIdMode::None ? kHasPictureId : 0) |
           (frame.key_picture ? 0 : kInterPicture) | (numbering.layered ? kHasLayers : 0) |
           (position.first ? kBegin : 0) | (position.last ? kEnd : 0) |
           (has_structure ? kHasStructure : 0));
  out.put_picture_id(numbering);
  if (numbering.layered)
    put_layers(frame, numbering, out);
  if (has_structure)
    put_structure(frame, numbering, out);
}

void read_layers(Reader &reader, bool flexible, Frame &frame) {
  const unsigned layers = reader.get8();
  frame.has_layers = true;
  frame.temporal_layer = layers >> 5;
  frame.layer_sync = (layers & kSwitchingUp) != 0;
  frame.spatial_layer = layers >> 1 & kMaxLayer;
  // Some senders set D in the lowest layer, too, which has nothing below.
  frame.needs_layer_below = (layers & kInterLayer) != 0 && frame.spatial_layer > 0;
  if (!flexible)
    reader.get8();  // TL0PICIDX
}

// P_DIFF of up to three references, the last without N.
void skip_references(Reader &reader) {
  for (int i = 0; i < kMaxReferences && (reader.get8() & kMoreReferences) != 0; i++) {
  }
}

void read_structure(Reader &reader, Frame &frame) {
  const unsigned first = reader.get8();
  frame.spatial_layers = (first >> kStructureLayersShift) + 1;
  for (unsigned i = 0; (first & kStructureHasSizes) != 0 && i < frame.spatial_layers; i++) {
    frame.layer_sizes[i].width = reader.get16();
    frame.layer_sizes[i].height = reader.get16();
  }
  const unsigned pictures = (first & kStructureHasGroup) != 0 ? reader.get8() : 0;
  for (unsigned i = 0; i < pictures; i++)
    for (unsigned references = reader.get8() >> 2 & 3; references > 0; references--)
      reader.get8();
}

bool read_descriptor(std::span<const uint8_t> payload, Packet &out) {
  Reader reader(payload);
  const unsigned first = reader.get8();
  const bool flexible = (first & kFlexible) != 0;
  out.position = {(first & kBegin) != 0, (first & kEnd) != 0};
  if ((first & kHasPictureId) != 0)
    out.picture_id = reader.get_picture_id();
  if ((first & kHasLayers) != 0)
    read_layers(reader, flexible, out.frame);
  if (flexible && (first & kInterPicture) != 0)
    skip_references(reader);
  if ((first & kHasStructure) != 0)
    read_structure(reader, out.frame);
  out.frame.key_picture = (first & kInterPicture) == 0;
  out.frame.keyframe = out.frame.key_picture && !out.frame.needs_layer_below;
  out.descriptor = reader.at();
  return reader.ok() && !reader.rest().empty();
}

}  // namespace

constinit const Format vp9_format = {
    .frame_caps = "video/x-vp9",
    .media = "video",
    .encoding_names = {"VP9", "VP9-DRAFT-IETF-01"},
    .clock_rate = 90000,
    .splits = true,
    .talkspurts = false,
    .spatial_layers = true,
    .write_descriptor = write_descriptor,
    .read_descriptor = read_descriptor,
};

}  // namespace e2ee::rtp
