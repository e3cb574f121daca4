/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/secret.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace e2ee {

namespace {

std::atomic<unsigned> g_fork_generation{0};
std::atomic<bool> g_lock_failed{false};

// A region of guarded pages handed out in slots. Secrets are mostly 16 to 64 bytes; a longer one
// takes neighbouring slots, and one over half a region gets a region of its own.
class Region {
 public:
  static constexpr std::size_t kSlot = 64;
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kBytes = kSlot * kSlots;

  explicit Region(std::size_t bytes) : bytes_(bytes) {
    void *p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      throw std::bad_alloc();
    base_ = static_cast<std::uint8_t *>(p);
    lock();
#ifdef MADV_DONTDUMP
    madvise(base_, bytes_, MADV_DONTDUMP);
#endif
#ifdef MADV_WIPEONFORK
    madvise(base_, bytes_, MADV_WIPEONFORK);
#endif
  }
  ~Region() {
    munmap(base_, bytes_);
  }
  Region(const Region &) = delete;
  Region &operator=(const Region &) = delete;

  // Also in a child: locks are not inherited.
  void lock() {
    if (mlock(base_, bytes_) != 0)
      g_lock_failed = true;
  }

  bool holds(const std::uint8_t *p) const {
    return p >= base_ && p < base_ + bytes_;
  }
  std::uint8_t *base() const {
    return base_;
  }
  bool whole() const {
    return bytes_ != kBytes;
  }
  bool idle() const {
    return used_.none();
  }

  std::uint8_t *take(std::size_t size) {
    const std::size_t want = slots_for(size);
    if (free_ < want)
      return nullptr;
    std::size_t run = 0;
    for (std::size_t i = 0; i < kSlots; ++i) {
      run = used_[i] ? 0 : run + 1;
      if (run == want) {
        const std::size_t first = i + 1 - want;
        for (std::size_t k = first; k <= i; ++k)
          used_.set(k);
        free_ -= want;
        return base_ + first * kSlot;
      }
    }
    return nullptr;
  }

  void give(const std::uint8_t *p, std::size_t size) {
    const std::size_t first = static_cast<std::size_t>(p - base_) / kSlot;
    for (std::size_t k = first; k < first + slots_for(size); ++k)
      used_.reset(k);
    free_ += slots_for(size);
  }

 private:
  static std::size_t slots_for(std::size_t size) {
    return (size + kSlot - 1) / kSlot;
  }

  std::uint8_t *base_ = nullptr;
  std::size_t bytes_;
  std::bitset<kSlots> used_;
  std::size_t free_ = kSlots;
};

class Arena {
 public:
  std::uint8_t *take(std::size_t size) {
    std::lock_guard lock(mutex_);
    if (size > Region::kBytes / 2) {
      const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
      // One page more than a shared region, so that whole() tells them apart.
      const std::size_t bytes = std::max(size, Region::kBytes) + page;
      regions_.push_back(std::make_unique<Region>((bytes + page - 1) / page * page));
      return regions_.back()->base();
    }
    for (auto &region : regions_) {
      if (region->whole())
        continue;
      if (std::uint8_t *p = region->take(size))
        return p;
    }
    regions_.push_back(std::make_unique<Region>(Region::kBytes));
    return regions_.back()->take(size);
  }

  void give(std::uint8_t *p, std::size_t size) {
    std::lock_guard lock(mutex_);
    auto at = std::find_if(regions_.begin(), regions_.end(),
                           [p](const auto &region) { return region->holds(p); });
    if (at == regions_.end())
      return;
    if (!(*at)->whole())
      (*at)->give(p, size);
    // The first region stays: a process with one key at a time would map and unmap for each.
    if ((*at)->whole() || ((*at)->idle() && at != regions_.begin()))
      regions_.erase(at);
  }

  // In a child, with the mutex held.
  void lock_again() {
    for (auto &region : regions_)
      region->lock();
  }

  // A child forked while another thread holds the lock would wait for it for ever.
  std::mutex &mutex() { return mutex_; }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Region>> regions_;
};

// Never destroyed: secrets of static lifetime may be released after it would have been.
Arena &arena() {
  static Arena *const instance = [] {
    auto *made = new Arena;
    pthread_atfork([] { arena().mutex().lock(); }, [] { arena().mutex().unlock(); },
                   [] {
                     ++g_fork_generation;
                     arena().lock_again();
                     arena().mutex().unlock();
                   });
    return made;
  }();
  return *instance;
}

}  // namespace

Secret::Secret(std::size_t size) : size_(size) {
  if (size == 0)
    return;
  data_ = arena().take(size);
  std::memset(data_, 0, size);
  fork_ = fork_generation();
}

Secret::Secret(ByteView bytes) : Secret(bytes.size()) {
  if (!bytes.empty())
    std::memcpy(data_, bytes.data(), bytes.size());
}

void Secret::reset() noexcept {
  if (data_ == nullptr)
    return;
  cleanse(span());
  arena().give(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

ByteView Secret::view() const noexcept {
  if (data_ == nullptr || fork_ != fork_generation())
    return {};
  return {data_, size_};
}

ByteSpan Secret::span() noexcept {
  return {data_, size_};
}

void cleanse(ByteSpan bytes) noexcept {
  if (!bytes.empty())
    explicit_bzero(bytes.data(), bytes.size());
}

bool equal_secret(ByteView a, ByteView b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

unsigned fork_generation() noexcept {
  return g_fork_generation.load(std::memory_order_relaxed);
}

bool memory_lock_failed() noexcept {
  return g_lock_failed.load(std::memory_order_relaxed);
}

}  // namespace e2ee
