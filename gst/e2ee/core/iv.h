/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <optional>

#include "core/aead.h"
#include "core/random.h"

namespace e2ee {

/// IVs that do not repeat under one key: a 96-bit counter from a random start. Each encryptor has
/// one for each key; two of them under one key meet with a chance of about n^2 / 2^96, the bound
/// that AES-GCM's own limit of 2^32 frames a key rests on (NIST SP 800-38D section 8.2.2).
///
/// A forked child draws a new start, since its parent goes on with this one.
class IvSource {
 public:
  explicit IvSource(RandomFn random = random_bytes) : random_(random) {}

  /// Sets aside `count` successive IVs, none of which is ever handed out again, and returns the
  /// first; false when no start could be drawn.
  bool take(unsigned count, Iv &first);

  /// One of them.
  std::optional<Iv> next() {
    Iv iv;
    return take(1, iv) ? std::optional(iv) : std::nullopt;
  }

  /// Draws a new start with the next IV.
  void restart() { started_ = false; }

  /// iv + n, carrying over all 96 bits.
  static void advance(Iv &iv, unsigned n) {
    const std::uint32_t low = load_be32(iv.data() + 8) + n;
    store_be64(iv.data(), load_be64(iv.data()) + (low < n));
    store_be32(iv.data() + 8, low);
  }

 private:
  RandomFn random_;
  Iv next_{};
  unsigned fork_ = 0;
  bool started_ = false;
};

}  // namespace e2ee
