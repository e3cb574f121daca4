/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

// RFC 7741: RTP payload format for VP8.
namespace e2ee::rtp {

namespace {

constexpr unsigned kExtended = 0x80;      // X
constexpr unsigned kNonReference = 0x20;  // N
constexpr unsigned kStart = 0x10;         // S, of a partition

constexpr unsigned kHasPictureId = 0x80;  // I
constexpr unsigned kHasTl0PicIdx = 0x40;  // L
constexpr unsigned kHasTid = 0x20;        // T

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

}  // namespace

constinit const Format vp8_format = {
    .frame_caps = "video/x-vp8",
    .media = "video",
    .encoding_names = {"VP8", "VP8-DRAFT-IETF-01"},
    .clock_rate = 90000,
    .splits = true,
    .spatial_layers = false,
    .write_descriptor = write_descriptor,
    .describe_rtp_caps = nullptr,
    .prefer_frame_caps = nullptr,
};

}  // namespace e2ee::rtp
