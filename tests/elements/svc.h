/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Pictures of several layers.
#pragma once

#include <ostream>

#include "support/svc_encoder.h"

namespace e2ee::test {

struct Mode {
  const char *name;
  unsigned spatial;
  unsigned temporal;
};

inline void PrintTo(const Mode &mode, std::ostream *out) {
  *out << mode.name;
}

inline const Mode kModes[] = {
    {"L1T1", 1, 1}, {"L2T1", 2, 1}, {"L3T1", 3, 1}, {"L1T3", 1, 3}, {"L3T3", 3, 3}};

inline Bytes joined(const Layers &layers, unsigned spatial = 7) {
  Bytes bytes;
  for (const LayerFrame &layer : layers)
    if (layer.spatial <= spatial)
      bytes.insert(bytes.end(), layer.bytes.begin(), layer.bytes.end());
  return bytes;
}

}  // namespace e2ee::test
