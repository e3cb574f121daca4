/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/vp9.h"

#include <algorithm>

#include "core/bits.h"

namespace e2ee {

namespace {

constexpr unsigned kFrameMarker = 2;
constexpr unsigned kSyncCode = 0x498342;
constexpr unsigned kColorSpaceRgb = 7;
constexpr unsigned kReferences = 3;

void skip_color_config(BitReader &reader, unsigned profile) {
  if (profile >= 2)
    reader.bits(1);  // bit depth
  const bool subsampling_given = profile == 1 || profile == 3;
  if (reader.bits(3) != kColorSpaceRgb)
    reader.bits(subsampling_given ? 4 : 1);  // range, subsampling, reserved
  else if (subsampling_given)
    reader.bits(1);  // reserved
}

std::optional<FrameSize> read_size(BitReader &reader) {
  FrameSize size;
  size.width = reader.bits(16) + 1;
  size.height = reader.bits(16) + 1;
  return reader.ok() ? std::optional(size) : std::nullopt;
}

std::optional<FrameSize> read_key_size(BitReader &reader, unsigned profile) {
  if (reader.bits(24) != kSyncCode)
    return std::nullopt;
  skip_color_config(reader, profile);
  return read_size(reader);
}

// Of a shown frame that refers to others: those that are not shown may be intra frames.
std::optional<FrameSize> read_delta_size(BitReader &reader, bool error_resilient) {
  if (!error_resilient)
    reader.bits(2);              // reset_frame_context
  reader.bits(8);                // refresh_frame_flags
  reader.bits(kReferences * 4);  // index and sign bias of each
  for (unsigned i = 0; i < kReferences; ++i) {
    if (reader.bits(1) == 1)  // that reference's size
      return std::nullopt;
  }
  return read_size(reader);
}

constexpr unsigned kIndexMarker = 0xc0;
constexpr unsigned kIndexMask = 0xe0;

// Sizes of frames, if the superframe ends with an index that fits it.
std::vector<std::size_t> read_index(ByteView frames) {
  if (frames.empty() || (frames.back() & kIndexMask) != kIndexMarker)
    return {};
  const std::uint8_t marker = frames.back();
  const std::size_t count = (marker & 7U) + 1;
  const std::size_t width = (marker >> 3 & 3U) + 1;
  const std::size_t index = 2 + count * width;
  if (frames.size() < index || frames[frames.size() - index] != marker)
    return {};
  const std::size_t total = frames.size() - index;
  const std::uint8_t *at = frames.data() + total + 1;
  std::vector<std::size_t> sizes(count);
  std::size_t sum = 0;
  for (std::size_t &size : sizes) {
    for (std::size_t i = 0; i < width; ++i)
      size |= std::size_t{*at++} << (8 * i);
    if (size == 0 || size > total - sum)
      return {};
    sum += size;
  }
  return sum == total ? sizes : std::vector<std::size_t>{};
}

}  // namespace

Vp9Header read_vp9_header(ByteView frame) {
  BitReader reader(frame);
  Vp9Header header;
  if (reader.bits(2) != kFrameMarker)
    return header;
  const unsigned low = reader.bits(1);
  const unsigned profile = low + 2 * reader.bits(1);
  if (profile == 3)
    reader.bits(1);  // reserved
  if (reader.bits(1) == 1) {
    header.shown = true;
    return header;
  }
  header.key = reader.bits(1) == 0;
  header.shown = reader.bits(1) == 1;
  if (!reader.ok())
    return {};
  const bool error_resilient = reader.bits(1) == 1;
  if (header.key)
    header.size = read_key_size(reader, profile);
  else if (header.shown)
    header.size = read_delta_size(reader, error_resilient);
  return header;
}

std::vector<ByteView> split_vp9_superframe(ByteView frames) {
  std::vector<ByteView> views;
  std::size_t at = 0;
  for (const std::size_t size : read_index(frames)) {
    views.push_back(frames.subspan(at, size));
    at += size;
  }
  if (views.empty())
    views.push_back(frames);
  return views;
}

std::vector<std::uint8_t> vp9_superframe_index(std::span<const std::size_t> sizes) {
  if (sizes.empty())
    return {};
  std::size_t width = 1;
  for (const std::size_t size : sizes)
    while (width < 4 && size >> (8 * width) != 0)
      ++width;
  const auto marker =
      static_cast<std::uint8_t>(kIndexMarker | (width - 1) << 3 | (sizes.size() - 1));
  std::vector<std::uint8_t> index{marker};
  for (const std::size_t size : sizes)
    for (std::size_t i = 0; i < width; ++i)
      index.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
  index.push_back(marker);
  return index;
}

}  // namespace e2ee
