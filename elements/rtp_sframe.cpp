/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtp_format.h"

// draft-ietf-avtcore-rtp-sframe: RTP payload format for SFrame. The packets are the media's own in
// all but the payload: encoding name, clock rate, payload type and timestamps stay.
namespace e2ee::rtp {

namespace {

constexpr unsigned kStart = 0x80;       // S, of the ciphertext
constexpr unsigned kEnd = 0x40;         // E
constexpr unsigned kPacketized = 0x20;  // T: of a media packet's payload, not of a frame

void write_descriptor(const Frame &, const Numbering &, const PacketPosition &position,
                      Descriptor &out) {
  out.put8((position.first ? kStart : 0) | (position.last ? kEnd : 0));
}

// The other bits are reserved: a receiver ignores them.
bool read_descriptor(std::span<const uint8_t> payload, Packet &out) {
  Reader reader(payload);
  const unsigned bits = reader.get8();
  out.position = {(bits & kStart) != 0, (bits & kEnd) != 0};
  out.packetized = (bits & kPacketized) != 0;
  out.descriptor = reader.at();
  return reader.ok() && !reader.rest().empty();
}

constexpr Format video(const char *frame_caps, const char *encoding_name) {
  return {.frame_caps = frame_caps,
          .media = "video",
          .encoding_names = {encoding_name, nullptr},
          .clock_rate = 90000,
          .splits = true,
          .talkspurts = false,
          .spatial_layers = false};
}

// The same media, with SFrame's descriptor in place of its own.
Format sealed(Format media) {
  media.splits = true;
  media.sframe = true;
  media.write_descriptor = write_descriptor;
  media.read_descriptor = read_descriptor;
  media.read_payload_header = nullptr;
  return media;
}

}  // namespace

std::span<const Format *const> sframe_formats() {
  static const Format h264 =
      sealed(video("video/x-h264, stream-format=byte-stream, alignment=au", "H264"));
  static const Format h265 =
      sealed(video("video/x-h265, stream-format=byte-stream, alignment=au", "H265"));
  static const Format av1 =
      sealed(video("video/x-av1, stream-format=obu-stream, alignment=tu", "AV1"));
  static const Format vp8 = sealed(vp8_format);
  static const Format vp9 = sealed(vp9_format);
  static const Format opus = sealed(opus_format);
  static constexpr std::array<const Format *, 6> all = {&h264, &h265, &av1, &vp8, &vp9, &opus};
  return all;
}

}  // namespace e2ee::rtp
