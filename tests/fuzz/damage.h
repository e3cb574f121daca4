/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What a hostile server does to a frame.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <cstdlib>

#include "support/bytes.h"

namespace fuzz {

/// An oracle: ends the program where it does not hold, so that libFuzzer keeps the input.
inline void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// Bytes changed, cut out and put in, as the input says; nothing where it has nothing more to say.
inline e2ee::test::Bytes damage(e2ee::test::Bytes frame, FuzzedDataProvider &input) {
  enum class Way { kChange, kCut, kInsert, kMaxValue = kInsert };
  while (!frame.empty() && input.remaining_bytes() > 0) {
    const auto at = input.ConsumeIntegralInRange<std::size_t>(0, frame.size() - 1);
    const auto place = frame.begin() + static_cast<std::ptrdiff_t>(at);
    switch (input.ConsumeEnum<Way>()) {
      case Way::kChange:
        *place = input.ConsumeIntegral<std::uint8_t>();
        break;
      case Way::kCut:
        frame.erase(place,
                    place + static_cast<std::ptrdiff_t>(
                                input.ConsumeIntegralInRange<std::size_t>(0, frame.size() - at)));
        break;
      case Way::kInsert:
        frame.insert(place, input.ConsumeIntegral<std::uint8_t>());
        break;
    }
  }
  return frame;
}

}  // namespace fuzz
