/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

typedef struct _GstCaps GstCaps;
typedef struct _GstStructure GstStructure;

// RTP payload formats whose descriptors are written and read without a look at the (encrypted)
// frame. One file and one table row a format; payloader and depayloader share them.
namespace e2ee::rtp {

// The values are those of the property `payload-format`.
enum class PayloadFormat {
  Codec,   // each codec has its own
  SFrame,  // one for all codecs
};

// The values are those of the property `picture-id-mode`.
enum class PictureIdMode { None, Bits7, Bits15 };

// The bits an id has; 0 for PictureIdMode::None.
unsigned picture_id_mask(PictureIdMode mode);

// The field of RTP caps that is the line "a=sframe" in SDP.
inline constexpr const char *kSFrameAttribute = "a-sframe";

inline constexpr std::size_t kMaxSpatialLayers = 8;

struct Size {
  unsigned width = 0;  // 0 when unknown
  unsigned height = 0;
};

// What a descriptor says about a frame: with spatial layers, one layer of a picture.
struct Frame {
  bool keyframe = true;  // a decoder can start here
  // Of a picture that a decoder can start at: nothing before it is needed.
  bool key_picture = true;
  bool droppable = false;
  Size size;
  bool has_layers = false;  // the next four are known
  unsigned temporal_layer = 0;
  unsigned spatial_layer = 0;
  bool layer_sync = false;
  bool needs_layer_below = false;
  // Of the stream, where the frame says so; 0 when it does not.
  unsigned spatial_layers = 0;
  std::array<Size, kMaxSpatialLayers> layer_sizes{};
};

// What is counted over the frames of a stream.
struct Numbering {
  PictureIdMode mode = PictureIdMode::Bits15;
  unsigned picture_id = 0;
  // Layer fields that come and go confuse receivers: once there, they stay.
  bool layered = false;
  bool temporal_layers = false;  // some frame was of a higher temporal layer
  // One before the first base layer frame, which thus gets 0.
  uint8_t tl0picidx = 0xff;

  // Counts a frame that is about to be described. `picture_id` is the caller's.
  void count_layers(const Frame &frame, bool begins_picture);
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
  // The longest is VP9's with the sizes of eight spatial layers.
  std::array<uint8_t, 48> bytes_{};
  std::size_t size_ = 0;
};

// What a picture ID says, whatever its width.
struct PictureId {
  unsigned value = 0;
  unsigned bits = 0;  // 7 or 15

  bool follows(const PictureId &previous) const {
    return bits == previous.bits && value == ((previous.value + 1) & ((1U << bits) - 1));
  }
};

// A received packet, as far as its descriptor tells.
struct Packet {
  Frame frame;
  PacketPosition position;     // `last` also when the RTP marker says so
  std::size_t descriptor = 0;  // bytes in front of the piece of the frame
  bool packetized = false;     // the "frame" is an SFrame ciphertext of one media packet
  std::optional<PictureId> picture_id;
};

// Reads big-endian fields; past the end they are zero and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  unsigned get8() {
    if (at_ >= bytes_.size()) {
      ok_ = false;
      return 0;
    }
    return bytes_[at_++];
  }
  unsigned get16() {
    const unsigned high = get8();
    return high << 8 | get8();
  }
  PictureId get_picture_id();

  bool ok() const { return ok_; }
  std::size_t at() const { return at_; }
  std::span<const uint8_t> rest() const { return bytes_.subspan(at_); }

 private:
  std::span<const uint8_t> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

struct Format {
  const char *frame_caps;  // of a whole frame, outside RTP
  const char *media;
  std::array<const char *, 2> encoding_names;  // the first is preferred, the second may be null
  unsigned clock_rate;
  bool splits;          // a frame may span packets
  bool talkspurts;      // the marker begins one (RFC 3551); otherwise it ends a picture
  bool spatial_layers;  // a picture may have frames of several
  bool received_only = false;
  // Frames are SFrame ciphertexts, which caps say. Their ends are told by the descriptor alone.
  bool sframe = false;
  // The size must not depend on `position.last`. Null: no descriptor.
  void (*write_descriptor)(const Frame &frame, const Numbering &numbering,
                           const PacketPosition &position, Descriptor &out) = nullptr;
  // False when the payload is malformed or has no byte of the frame. Null: no descriptor.
  bool (*read_descriptor)(std::span<const uint8_t> payload, Packet &out) = nullptr;
  // The format's payload header, which is the frame's own first bytes; only where these are in the
  // clear. May be null.
  void (*read_payload_header)(std::span<const uint8_t> frame, Packet &out) = nullptr;
  // Fields that the RTP caps owe to the frame's caps. May be null.
  void (*describe_rtp_caps)(const GstStructure *frame_caps, GstStructure *rtp_caps) = nullptr;
  // The other way round; false refuses the RTP caps. May be null.
  bool (*describe_frame_caps)(const GstStructure *rtp_caps, GstStructure *frame_caps) = nullptr;
  // Narrows frame caps to what the peer's RTP caps prefer; whether it did. May be null.
  bool (*prefer_frame_caps)(const GstStructure *rtp_caps, GstStructure *frame_caps) = nullptr;
};

extern const Format vp8_format;
extern const Format vp9_format;
extern const Format opus_format;
extern const Format multiopus_format;
extern const Format red_format;

// A row for each codec that SFrame over RTP carries.
std::span<const Format *const> sframe_formats();

std::span<const Format *const> formats(PayloadFormat which);

// The format that sends frames of these fixed caps, or null.
const Format *format_for_frame_caps(PayloadFormat which, const GstCaps *caps);
// The format with this encoding name, or null.
const Format *format_for_rtp_caps(PayloadFormat which, const GstStructure *rtp_caps);

// New caps (transfer full): one format's side without RTP, and its RTP side for one encoding name.
GstCaps *frame_caps_of(const Format &format);
GstCaps *rtp_caps_of(const Format &format, const char *encoding_name);

// Caps of the frames that a depayloader gives, as packets tell of them.
class FrameCaps {
 public:
  // New caps (transfer full) when this frame needs others than those before, or null.
  GstCaps *next(const Format &format, const Frame &frame);

 private:
  bool known_ = false;
  Size size_;
};

// The name that downstream takes; the usual one if it does not say. `allowed` may be null.
const char *choose_encoding_name(const Format &format, GstCaps *allowed);

// Appends the frame caps that `format` can turn into what `peer` takes, what it prefers in front.
void append_frame_caps(const Format &format, const GstCaps *peer, GstCaps *caps);

// The same for pad templates: all formats together. A receiver takes any payload type.
GstCaps *all_frame_caps();
GstCaps *all_rtp_caps();
GstCaps *all_received_rtp_caps();
// Frames, and media packets that are SFrame ciphertexts each.
GstCaps *all_depayloaded_caps();

}  // namespace e2ee::rtp
