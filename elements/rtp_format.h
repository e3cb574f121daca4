/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

typedef struct _GstCaps GstCaps;
typedef struct _GstStructure GstStructure;

// RTP payload formats whose descriptors are written without a look at the (encrypted) frame.
// One file and one table row a format; payloader and depayloader share them.
namespace e2ee::rtp {

// The values are those of the property `picture-id-mode`.
enum class PictureIdMode { None, Bits7, Bits15 };

// The bits an id has; 0 for PictureIdMode::None.
unsigned picture_id_mask(PictureIdMode mode);

// What a descriptor says about a frame.
struct Frame {
  bool keyframe = true;
  bool droppable = false;
  unsigned width = 0;  // 0 when unknown
  unsigned height = 0;
  bool has_layers = false;  // the next three are known
  unsigned temporal_layer = 0;
  unsigned spatial_layer = 0;
  bool layer_sync = false;
};

// What is counted over the frames of a stream.
struct Numbering {
  PictureIdMode mode = PictureIdMode::Bits15;
  unsigned picture_id = 0;
  // Layer fields that come and go confuse receivers: once there, they stay.
  bool layered = false;
  // One before the first base layer frame, which thus gets 0.
  uint8_t tl0picidx = 0xff;

  // Counts a frame that is about to be described. `picture_id` is the caller's.
  void count_layers(const Frame &frame);
};

struct PacketPosition {
  bool first = true;
  bool last = true;
};

// The bytes between the RTP header and the piece of the frame.
class Descriptor {
 public:
  void put8(unsigned value) { bytes_[size_++] = static_cast<uint8_t>(value); }
  void put16(unsigned value) {
    put8(value >> 8);
    put8(value);
  }
  // One byte, or two with the top bit set, as VP8 and VP9 both write it; nothing without an id.
  void put_picture_id(const Numbering &numbering);

  const uint8_t *data() const { return bytes_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<uint8_t, 16> bytes_{};
  std::size_t size_ = 0;
};

struct Format {
  const char *frame_caps;  // of a whole frame, outside RTP
  const char *media;
  std::array<const char *, 2> encoding_names;  // the first is preferred, the second may be null
  unsigned clock_rate;
  // A frame may span packets and the marker ends it. Otherwise a frame is a packet and the marker
  // begins a talkspurt (RFC 3551).
  bool splits;
  bool spatial_layers;  // a picture may have frames of several
  // The size must not depend on `position.last`. Null: no descriptor.
  void (*write_descriptor)(const Frame &frame, const Numbering &numbering,
                           const PacketPosition &position, Descriptor &out);
  // Fields that the RTP caps owe to the frame's caps. May be null.
  void (*describe_rtp_caps)(const GstStructure *frame_caps, GstStructure *rtp_caps);
  // Narrows frame caps to what the peer's RTP caps prefer; whether it did. May be null.
  bool (*prefer_frame_caps)(const GstStructure *rtp_caps, GstStructure *frame_caps);
};

extern const Format vp8_format;
extern const Format vp9_format;
extern const Format opus_format;
extern const Format multiopus_format;

std::span<const Format *const> formats();

// The format that takes frames of these fixed caps, or null.
const Format *format_for_frame_caps(const GstCaps *caps);

// New caps (transfer full): one format's side without RTP, and its RTP side for one encoding name.
GstCaps *frame_caps_of(const Format &format);
GstCaps *rtp_caps_of(const Format &format, const char *encoding_name);

// The same for pad templates: all formats together.
GstCaps *all_frame_caps();
GstCaps *all_rtp_caps();

}  // namespace e2ee::rtp
