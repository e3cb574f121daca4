/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Payloads of RED, and durations of Opus. The blocks must be all of the payload behind the headers,
// one behind the other; no packet of Opus plays longer than the 120 ms that it may.
#include "core/red.h"

#include "core/opus.h"
#include "damage.h"

namespace {

constexpr std::size_t kLongHeader = 4;
constexpr unsigned kOldest = (1 << 14) - 1;
constexpr unsigned kLongest = 5760;  // samples

void check_blocks(e2ee::ByteView payload, const std::vector<e2ee::RedBlock> &blocks) {
  fuzz::require(!blocks.empty() && blocks.back().age == 0, "there is no newest block");
  std::size_t at = kLongHeader * (blocks.size() - 1) + 1;
  for (const e2ee::RedBlock &block : blocks) {
    fuzz::require(block.bytes.data() == payload.data() + at, "a block is somewhere else");
    fuzz::require(block.age <= kOldest && block.payload_type < 128, "a number does not fit");
    fuzz::require(e2ee::opus_samples(block.bytes) <= kLongest, "a packet is too long");
    at += block.bytes.size();
  }
  fuzz::require(at == payload.size(), "bytes of the payload belong to no block");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const e2ee::ByteView payload(data, size);
  if (const auto blocks = e2ee::read_red(payload))
    check_blocks(payload, *blocks);
  return 0;
}
