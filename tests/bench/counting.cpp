/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "counting.h"

#include <cerrno>
#include <cstdint>

// The C library's functions, under names that the compiler does not take for its own.
extern "C" {
void *real_malloc(std::size_t) __asm__("__libc_malloc");
void *real_calloc(std::size_t, std::size_t) __asm__("__libc_calloc");
void *real_realloc(void *, std::size_t) __asm__("__libc_realloc");
void *real_memalign(std::size_t, std::size_t) __asm__("__libc_memalign");
void real_free(void *) __asm__("__libc_free");
void *real_memmove(void *, const void *, std::size_t, std::size_t) __asm__("__memmove_chk");
}

namespace bench {

namespace {

thread_local constinit Counts g_counts;
thread_local constinit std::size_t g_smallest_copy = SIZE_MAX;

void *count_copy(void *to, const void *from, std::size_t size) {
  if (size >= g_smallest_copy)
    ++g_counts.copies;
  return real_memmove(to, from, size, size);
}

void *count_aligned(std::size_t alignment, std::size_t size) {
  ++g_counts.allocations;
  return real_memalign(alignment, size);
}

}  // namespace

void start_counting(std::size_t smallest_copy) {
  g_counts = {};
  g_smallest_copy = smallest_copy;
}

Counts counted() {
  return g_counts;
}

}  // namespace bench

extern "C" {

void *malloc(std::size_t size) {
  ++bench::g_counts.allocations;
  return real_malloc(size);
}

void *calloc(std::size_t count, std::size_t size) {
  ++bench::g_counts.allocations;
  return real_calloc(count, size);
}

void *realloc(void *block, std::size_t size) {
  ++bench::g_counts.allocations;
  if (block != nullptr)
    ++bench::g_counts.frees;
  return real_realloc(block, size);
}

void *memalign(std::size_t alignment, std::size_t size) {
  return bench::count_aligned(alignment, size);
}

void *aligned_alloc(std::size_t alignment, std::size_t size) {
  return bench::count_aligned(alignment, size);
}

int posix_memalign(void **block, std::size_t alignment, std::size_t size) {
  void *made = bench::count_aligned(alignment, size);
  if (made == nullptr)
    return ENOMEM;
  *block = made;
  return 0;
}

void free(void *block) {
  if (block != nullptr)
    ++bench::g_counts.frees;
  real_free(block);
}

void *memcpy(void *to, const void *from, std::size_t size) {
  return bench::count_copy(to, from, size);
}

void *memmove(void *to, const void *from, std::size_t size) {
  return bench::count_copy(to, from, size);
}

}  // extern "C"
