/* SPDX-License-Identifier: LGPL-2.1-or-later */
// NAL units of H.264 and H.265: start codes, emulation prevention, and the clear bytes of an
// encrypted access unit, which end two bytes into its first slice.
#pragma once

#include <optional>
#include <vector>

#include "core/bytes.h"

namespace e2ee {

inline constexpr std::uint8_t kStartCode[] = {0, 0, 0, 1};

enum class NalKind : std::uint8_t {
  slice,
  key_slice,
  strange_slice,  // picture data that peers do not take for such
  parameter_set,
  sei,
  delimiter,  // the first unit of a frame, where there is one
  filler,     // or an end: what no decoder misses
  other,
};

/// What has to be known of a codec made of NAL units.
struct NalRule {
  std::size_t header;      // bytes of a NAL unit's header
  std::uint8_t type_mask;  // where in its first byte the type is; VPS < SPS < PPS
  NalKind (*kind)(std::uint8_t first_byte);

  /// The first parameter set of a stream that says it all, which media servers take for the start
  /// of a key frame.
  bool (*is_sps)(std::uint8_t first_byte);

  /// The id of a parameter set, which is the only one of its type with this id at any time. None
  /// where it cannot be read, and for units that have none.
  std::optional<unsigned> (*set_id)(ByteView unit);

  /// Native LiveKit peers of 2024 keep the number of clear bytes in 8 bits.
  bool short_clear;

  /// The parameter set that a key slice names, which receivers read before they decrypt: libwebrtc
  /// throws away an IDR slice whose PPS it has not seen. `slice` begins with its header and need
  /// not be whole; none where it does not reach that far. Null where nobody reads it.
  std::optional<unsigned> (*set_of_slice)(ByteView slice);

  /// The SPS to send in place of one that receivers would rewrite; none for one that they leave as
  /// it is. Null where nobody rewrites them.
  std::optional<std::vector<std::uint8_t>> (*lasting_sps)(ByteView unit);
};

// ---- emulation prevention -----------------------------------------------------------------------

/// Where a 0x03 has to be put in front of a byte, in order. Two zeros before `data` do not count.
/// Stops when there are more than `limit`, and has one more then.
void find_escapes(ByteView data, std::size_t limit, std::vector<std::size_t> &at);

/// Puts them in; `data` has room for `size` bytes and one for each.
void insert_escapes(std::uint8_t *data, std::size_t size, const std::vector<std::size_t> &at);

/// Where the 0x03 are that have to go, in order.
void find_escaped(ByteView data, std::vector<std::size_t> &at);

/// Copies `data` without them, onto itself or elsewhere; gives the new size.
std::size_t remove_escaped(ByteView data, const std::vector<std::size_t> &at, std::uint8_t *out);

/// A NAL unit without them, which may be read bit by bit.
std::vector<std::uint8_t> unescaped(ByteView unit);

/// First place at or after `from` with two zeros in a row; data.size() when there is none.
std::size_t find_zero_pair(ByteView data, std::size_t from);

// ---- access units -------------------------------------------------------------------------------

/// A NAL unit in a byte stream: frame[code] is where its start code begins, its bytes are those
/// from `begin` up to `end`, without the zeros that may stand behind a unit.
struct NalUnit {
  std::size_t code = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool long_code = false;  // four bytes

  ByteView of(ByteView frame) const { return frame.subspan(begin, end - begin); }
};

/// Goes through the NAL units of a byte stream.
class NalReader {
 public:
  explicit NalReader(ByteView frame);

  /// The next one that is not empty; false when there is none. `end` is not looked for beyond a
  /// slice, which nobody has to know.
  bool next(NalUnit &unit, const NalRule *stop_at_slice = nullptr);

  /// Whether something else than zeros stood before the first start code.
  bool stray() const { return stray_; }

 private:
  ByteView frame_;
  std::size_t at_;  // of the next start code's 00 00 01, or the end
  bool stray_ = false;
};

/// The first slice; null when there is none.
std::optional<NalUnit> first_slice(ByteView frame, const NalRule &rule);

/// Whether the first slice starts a picture to decode from; without a slice, whether there is an
/// SPS.
bool is_key_frame(ByteView frame, const NalRule &rule);

/// Bytes that sealing may add to `frame`: longer start codes, and what emulation prevention takes
/// at most. Ciphertext is random and needs it once in four million bytes; what would take more
/// than this is sealed again with another IV.
std::size_t nal_room(ByteView frame, const NalRule &rule);

/// Clear bytes of a frame with a slice at `slice`.
inline std::size_t clear_of(const NalUnit &slice) {
  return slice.begin + 2;
}

/// The clear bytes as they are sent: start codes of four bytes, nothing between NAL units, an SPS
/// that receivers leave as it is, and none of the messages that an encoder wrote about itself where
/// they would make it too long.
class ClearHeader {
 public:
  /// `slice` is the first one of `frame`.
  ClearHeader(ByteView frame, const NalUnit &slice, const NalRule &rule);

  std::size_t size() const { return size_; }
  void write(std::uint8_t *out) const;

 private:
  template <typename Take>
  void each_unit(bool without_notes, const Take &take) const;

  ByteView frame_;
  NalUnit slice_;
  const NalRule &rule_;
  std::size_t size_ = 0;
  bool without_notes_ = false;
};

/// Received clear bytes with start codes of four bytes; everything else as it is.
std::vector<std::uint8_t> with_long_codes(ByteView clear);

/// Received clear bytes without the parameter sets that an RTP element put in: those that are there
/// twice, or else all. None when there are no such.
std::optional<std::vector<std::uint8_t>> without_added_sets(ByteView clear, const NalRule &rule);

/// Received clear bytes without the delimiter in front, which h264parse puts into every access unit
/// that it makes of single units. None when there is none.
std::optional<std::vector<std::uint8_t>> without_added_delimiter(ByteView clear,
                                                                 const NalRule &rule);

}  // namespace e2ee
