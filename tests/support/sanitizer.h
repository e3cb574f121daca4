/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

namespace e2ee::test {

/// Under AddressSanitizer: forgives the one block that GLib's start-up leaks. No suppression can
/// name it, since stacks are unwound by frame pointers (the other way makes PBKDF2, in which
/// OpenSSL allocates all the time, take seconds) and GLib has none.
void ignore_startup_leak();

/// The block may stay when the program ends, with all that only it points to.
void ignore_leak(const void *block);

/// Whether it is there.
bool has_address_sanitizer();

}  // namespace e2ee::test
