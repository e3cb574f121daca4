/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Headers that are written in bits.
#pragma once

#include <utility>
#include <vector>

#include "core/bytes.h"

namespace e2ee {

class BitReader {
 public:
  explicit BitReader(ByteView bytes) : bytes_(bytes) {}

  /// At most 32. Bits past the end read as zero; ok() tells.
  unsigned bits(unsigned n) {
    unsigned value = 0;
    for (; n > 0; --n, ++at_) {
      value <<= 1;
      if (at_ / 8 < bytes_.size())
        value |= (bytes_[at_ / 8] >> (7 - at_ % 8)) & 1U;
    }
    return value;
  }

  /// ue(v) of H.264, section 9.1.
  unsigned golomb() {
    unsigned zeros = 0;
    while (zeros < 32 && bits(1) == 0)
      ++zeros;
    if (zeros < 32)
      return (1U << zeros) - 1 + bits(zeros);
    at_ = 8 * bytes_.size() + 1;
    return 0;
  }

  std::size_t at() const { return at_; }
  bool ok() const { return at_ <= bytes_.size() * 8; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

class BitWriter {
 public:
  /// Begins with the first `count` bits of `from`.
  BitWriter(ByteView from, std::size_t count) {
    BitReader reader(from);
    while (count_ < count)
      put(reader.bits(1), 1);
  }

  void put(unsigned value, unsigned n) {
    for (; n > 0; --n, ++count_) {
      if (count_ % 8 == 0)
        bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>(((value >> (n - 1)) & 1U) << (7 - count_ % 8));
    }
  }

  /// `value` is less than 2^16 - 1.
  void golomb(unsigned value) {
    unsigned size = 1;
    while ((value + 1) >> size != 0)
      ++size;
    put(value + 1, 2 * size - 1);
  }

  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t count_ = 0;
};

}  // namespace e2ee
