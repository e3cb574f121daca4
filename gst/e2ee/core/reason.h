/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Why a frame or message did not pass: the statistic, the bus message's state, log line and error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

namespace e2ee {

enum class Reason : std::uint8_t {
  ok,
  missing_key,    // nothing to encrypt or decrypt with
  auth_failed,    // the tag does not verify: wrong key, or the frame was changed
  malformed,      // too short, or no trailer where one must be
  replayed,       // this IV was accepted before
  plaintext,      // a frame in the clear where encryption was seen before
  unsupported,    // the scheme has no rule for this frame
  key_limit,      // the key has been used as often as AES-GCM allows
  held_too_long,  // its key did not come within key-wait
  internal,       // the cipher or the random generator failed
  stream_in_use,  // another encryptor has this key, KID and SSRC
};

inline constexpr std::size_t kReasonCount = 11;

struct ReasonNames {
  const char *stat;        // field of the elements' `stats`; null for ok
  const char *state;       // `state` of the GstE2EEState message
  const char *text;        // for people: logs and errors
  bool names_key = false;  // the id of its key says more
};

/// Names of a reason; never fails.
const ReasonNames &names_of(Reason reason);

}  // namespace e2ee
