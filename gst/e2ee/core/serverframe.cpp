/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/serverframe.h"

#include <algorithm>

namespace e2ee {

namespace {

constexpr std::uint8_t kVp8Key[] = {
    0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x08, 0x00, 0x08, 0x00, 0x00, 0x47, 0x08, 0x85, 0x85, 0x88,
    0x85, 0x84, 0x88, 0x02, 0x02, 0x00, 0x0c, 0x0d, 0x60, 0x00, 0xfe, 0xff, 0xab, 0x50, 0x80};
constexpr std::uint8_t kH264Sps[] = {0x67, 0x42, 0xc0, 0x1f, 0x0f, 0xd9, 0x1f, 0x88,
                                     0x88, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00,
                                     0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc9, 0x20};
constexpr std::uint8_t kH264Pps[] = {0x68, 0x87, 0xcb, 0x83, 0xcb, 0x20};
constexpr std::uint8_t kH264Idr[] = {0x65, 0x88, 0x84, 0x0a, 0xf2, 0x62, 0x80, 0x00, 0xa7, 0xbe};
constexpr std::uint8_t kOpusSilence[80] = {0xf8, 0xff, 0xfe};

}  // namespace

bool ends_with(ByteView frame, ByteView trailer) {
  return frame.size() >= trailer.size() &&
         std::equal(trailer.begin(), trailer.end(),
                    frame.end() - static_cast<long>(trailer.size()));
}

bool is_known_filler(ByteView payload) {
  const ByteView known[] = {kVp8Key, kH264Sps, kH264Pps, kH264Idr, kOpusSilence};
  return std::any_of(std::begin(known), std::end(known), [&](ByteView filler) {
    return std::equal(filler.begin(), filler.end(), payload.begin(), payload.end());
  });
}

namespace {

// Whether `unit` is the next NAL unit of `frame`, behind a start code or its length; goes past it.
bool take_unit(ByteView &frame, ByteView unit) {
  const std::uint8_t start_code[] = {0, 0, 0, 1};
  const std::uint8_t length[] = {0, 0, 0, static_cast<std::uint8_t>(unit.size())};
  if (frame.size() < sizeof(length) + unit.size())
    return false;
  const ByteView prefix = frame.first(sizeof(length));
  const ByteView content = frame.subspan(sizeof(length), unit.size());
  const auto is = [](ByteView one, ByteView other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end());
  };
  if ((!is(prefix, start_code) && !is(prefix, length)) || !is(content, unit))
    return false;
  frame = frame.subspan(sizeof(length) + unit.size());
  return true;
}

}  // namespace

std::optional<std::size_t> h264_filler_tail(ByteView frame, ByteView trailer) {
  for (const ByteView unit : {ByteView(kH264Sps), ByteView(kH264Pps), ByteView(kH264Idr)})
    if (!take_unit(frame, unit))
      return std::nullopt;
  const std::size_t behind = frame.size();
  // Its first two bytes were read as a length.
  if (behind > 0 &&
      (trailer.size() <= 2 || !take_unit(frame, trailer.subspan(2)) || !frame.empty()))
    return std::nullopt;
  return behind;
}

}  // namespace e2ee
