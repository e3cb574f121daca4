// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recorder {

// Remembers the IV of each frame, under a keyed hash of 64 bits: 32 to 64 MB for a million frames,
// which is three hours of sound and pictures. Two different ones are taken for the same with a
// probability of one in forty million there.
class IvCheck {
 public:
  enum class Verdict { kNew, kReplay, kReused };
  struct Repeat {
    std::int64_t time_ns;
    unsigned track;
    std::uint64_t key_id;
    bool replay;
  };

  IvCheck();
  // `key`: which key it is used with. The same bytes again were sent or stored twice; other bytes
  // under the same IV come from a sender that is broken, and tell its plaintexts to anyone.
  Verdict add(const std::string &key, std::span<const std::uint8_t> iv,
              std::span<const std::uint8_t> frame, const Repeat &where);
  // A frame whose key is not known. Two of them may be of different keys under one index, where the
  // same IV (counters begin anew with a key) is no mistake: only the same bytes again are told.
  Verdict add_closed(std::span<const std::uint8_t> frame, const Repeat &where);

  std::uint64_t replays() const { return replays_; }
  std::uint64_t reused() const { return reused_; }
  const std::vector<Repeat> &first_ones() const { return first_ones_; }

 private:
  struct Entry {
    std::uint64_t iv = 0;  // 0: empty
    std::uint64_t frame = 0;
  };
  std::uint64_t hash(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second);
  Entry &find(std::uint64_t iv);
  void grow();

  std::uint8_t secret_[32];
  std::vector<Entry> table_;
  std::size_t used_ = 0;
  std::uint64_t replays_ = 0, reused_ = 0;
  std::vector<Repeat> first_ones_;
};

}  // namespace recorder
