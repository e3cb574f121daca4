// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/metrics.h"

namespace recorder {

// What --metrics shows, of all participants since the start.
struct Figures {
  std::uint64_t frames = 0, bytes = 0;  // written
  std::uint64_t not_decrypted = 0;
  std::uint64_t not_written = 0;
  std::uint64_t packets_lost = 0;

  Figures &operator+=(const Figures &other);
};

std::vector<examples::Metric> metrics_of(const Figures &figures, std::uint64_t participants,
                                         std::uint64_t reconnects);

}  // namespace recorder
