/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Counts what the calling thread asks of the C library's memory functions. The program's own
// versions of them come before those of the C library, for all libraries in the process.
#pragma once

#include <cstddef>

namespace bench {

struct Counts {
  unsigned long allocations = 0;  // malloc, calloc, realloc and their aligned kin
  unsigned long frees = 0;        // realloc of a block is both
  unsigned long copies = 0;       // memcpy and memmove of at least the size below
};

/// Starts again at zero. Copies count from this size on.
void start_counting(std::size_t smallest_copy);
Counts counted();

}  // namespace bench
