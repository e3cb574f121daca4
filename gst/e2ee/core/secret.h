/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Bytes that must not leak: passphrases, material, keys.
#pragma once

#include <utility>

#include "core/bytes.h"

namespace e2ee {

/// Owns bytes in memory that is locked (not swapped), left out of core dumps, zeroed in a forked
/// child and cleansed when released. Move-only. Thread-safe as any value: no two threads write one.
///
/// Where the system refuses to lock memory (RLIMIT_MEMLOCK) the other protections stay and
/// memory_lock_failed() becomes true, so that the user can be told once.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size);  // zeroed; throws std::bad_alloc
  explicit Secret(ByteView bytes);    // a copy
  ~Secret() { reset(); }

  Secret(Secret &&other) noexcept { swap(other); }
  Secret &operator=(Secret &&other) noexcept {
    if (this != &other) {
      reset();
      swap(other);
    }
    return *this;
  }
  Secret(const Secret &) = delete;
  Secret &operator=(const Secret &) = delete;

  Secret clone() const { return Secret(view()); }
  void reset() noexcept;

  /// The bytes; empty in a child forked after they were stored, where the kernel has zeroed them:
  /// an all-zero key must never be taken for a key.
  ByteView view() const noexcept;
  ByteSpan span() noexcept;
  bool empty() const noexcept { return view().empty(); }

 private:
  void swap(Secret &other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(fork_, other.fork_);
  }

  std::uint8_t *data_ = nullptr;
  std::size_t size_ = 0;
  unsigned fork_ = 0;
};

/// Overwrites so that the compiler cannot leave it out.
void cleanse(ByteSpan bytes) noexcept;

/// Compares in constant time; false when the lengths differ.
bool equal_secret(ByteView a, ByteView b) noexcept;

/// How often this process was forked off: 0, or another number in each child.
unsigned fork_generation() noexcept;

/// Whether the system refused to lock some secret memory.
bool memory_lock_failed() noexcept;

}  // namespace e2ee
