/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Elements whose clock a test can put forward.
#pragma once

#include "core/clock.h"
#include "support/element.h"

namespace e2ee::test {

/// Lets time pass, and a provider's worker see it.
void pass_time(const Provider &provider, e2ee::Clock::duration time);

/// Of each of `count` generations from the present one on, a frame of noise(60, generation).
/// Ratchets the key of `sending` in between.
std::vector<Bytes> frames_of_generations(const Provider &sending, unsigned count,
                                         const char *caps = kOpus);

/// Pushes until the frame comes out: generations ahead are derived when there is nothing better to
/// do.
bool arrives(End &decryptor, const Bytes &frame);

}  // namespace e2ee::test
