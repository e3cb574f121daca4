/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/red.h"

namespace e2ee {

namespace {

constexpr unsigned kFollowed = 0x80;  // another header comes behind this one
constexpr unsigned kPayloadType = 0x7f;
constexpr std::size_t kLongHeader = 4;

}  // namespace

std::optional<std::vector<RedBlock>> read_red(ByteView payload) {
  std::vector<RedBlock> blocks;
  std::vector<std::size_t> sizes;
  while (!payload.empty() && (payload[0] & kFollowed) != 0) {
    if (payload.size() < kLongHeader)
      return std::nullopt;
    const unsigned low = static_cast<unsigned>(payload[2]) << 8 | payload[3];
    blocks.push_back(
        {payload[0] & kPayloadType, static_cast<unsigned>(payload[1]) << 6 | low >> 10, {}});
    sizes.push_back(low & 0x3ff);
    payload = payload.subspan(kLongHeader);
  }
  if (payload.empty())
    return std::nullopt;
  const unsigned newest = payload[0] & kPayloadType;
  payload = payload.subspan(1);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (sizes[i] > payload.size())
      return std::nullopt;
    blocks[i].bytes = payload.first(sizes[i]);
    payload = payload.subspan(sizes[i]);
  }
  blocks.push_back({newest, 0, payload});
  return blocks;
}

}  // namespace e2ee
