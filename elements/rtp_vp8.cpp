/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

// RFC 7741: RTP payload format for VP8.
namespace e2ee::rtp {

namespace {

constexpr unsigned kExtended = 0x80;      // X
constexpr unsigned kNonReference = 0x20;  // N
constexpr unsigned kStart = 0x10;         // S, of a partition
constexpr unsigned kPartition = 0x07;     // PID

constexpr unsigned kHasPictureId = 0x80;  // I
constexpr unsigned kHasTl0PicIdx = 0x40;  // L
constexpr unsigned kHasTid = 0x20;        // T
constexpr unsigned kHasKeyIdx = 0x10;     // K

constexpr unsigned kMaxTid = 3;
constexpr unsigned kLayerSync = 0x20;  // Y

// Where partitions begin is ciphertext here. RFC 7741, 4.4, lets a frame be sent as one partition
// with index 0, of which only the first packet has S.
void write_descriptor(const Frame &frame, const Numbering &numbering,
                      const PacketPosition &position, Descriptor &out) {
  unsigned extensions = 0;
  if (numbering.mode != PictureIdMode::None)
    extensions |= kHasPictureId;
  if (numbering.layered)
    extensions |= kHasTl0PicIdx | kHasTid;

  out.put8((extensions != 0 ? kExtended : 0) | (frame.droppable ? kNonReference : 0) |
           (position.first ? kStart : 0));
  if (extensions == 0)
    return;
  out.put8(extensions);
  out.put_picture_id(numbering);
  if (numbering.layered) {
    const unsigned tid = frame.temporal_layer < kMaxTid ? frame.temporal_layer : kMaxTid;
    out.put8(numbering.tl0picidx);
    out.put8(tid << 6 | (frame.layer_sync ? kLayerSync : 0));
  }
}

bool read_descriptor(std::span<const uint8_t> payload, Packet &out) {
  Reader reader(payload);
  const unsigned first = reader.get8();
  out.frame.droppable = (first & kNonReference) != 0;
  // Other partitions of the frame start with an index of their own, or go on without S.
  out.position = {(first & kStart) != 0 && (first & kPartition) == 0, false};

  const unsigned extensions = (first & kExtended) != 0 ? reader.get8() : 0;
  if ((extensions & kHasPictureId) != 0)
    out.picture_id = reader.get_picture_id();
  if ((extensions & kHasTl0PicIdx) != 0)
    reader.get8();
  if ((extensions & (kHasTid | kHasKeyIdx)) != 0) {
    const unsigned layer = reader.get8();
    out.frame.has_layers = (extensions & kHasTid) != 0;
    if (out.frame.has_layers) {
      out.frame.temporal_layer = layer >> 6;
      out.frame.layer_sync = (layer & kLayerSync) != 0;
    }
  }
  out.descriptor = reader.at();
  return reader.ok() && !reader.rest().empty();
}

// Section 4.3: the frame's first three octets serve as payload header; those of a key frame go on
// with a start code and the size (RFC 6386, 9.1).
void read_payload_header(std::span<const uint8_t> frame, Packet &out) {
  out.frame.keyframe = out.frame.key_picture = (frame[0] & 1) == 0;
  if (!out.frame.keyframe || frame.size() < 10 || frame[3] != 0x9d || frame[4] != 0x01 ||
      frame[5] != 0x2a)
    return;
  out.frame.size.width = (frame[6] | frame[7] << 8) & 0x3fff;
  out.frame.size.height = (frame[8] | frame[9] << 8) & 0x3fff;
}

}  // namespace

constinit const Format vp8_format = {
    .frame_caps = "video/x-vp8",
    .media = "video",
    .encoding_names = {"VP8", "VP8-DRAFT-IETF-01"},
    .clock_rate = 90000,
    .splits = true,
    .talkspurts = false,
    .spatial_layers = false,
    .write_descriptor = write_descriptor,
    .read_descriptor = read_descriptor,
    .read_payload_header = read_payload_header,
};

}  // namespace e2ee::rtp
