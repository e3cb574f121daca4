/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/opus.h"

namespace e2ee {

namespace {

constexpr unsigned kMilliseconds = 48;
constexpr unsigned kLongest = 120 * kMilliseconds;

unsigned samples_of_frame(unsigned config) {
  constexpr unsigned kSilk[] = {10, 20, 40, 60};
  if (config < 12)
    return kSilk[config % 4] * kMilliseconds;
  if (config < 16)  // hybrid
    return (config % 2 == 0 ? 10 : 20) * kMilliseconds;
  return (5 * kMilliseconds / 2) << (config % 4);  // CELT, from 2.5 ms
}

unsigned frames_of(ByteView packet) {
  const unsigned code = packet[0] & 3;
  if (code < 3)
    return code == 0 ? 1 : 2;
  return packet.size() > 1 ? packet[1] & 0x3f : 0;
}

}  // namespace

unsigned opus_samples(ByteView packet) {
  if (packet.empty())
    return 0;
  const unsigned samples = samples_of_frame(packet[0] >> 3) * frames_of(packet);
  return samples <= kLongest ? samples : 0;
}

}  // namespace e2ee
