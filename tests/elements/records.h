/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Elements set up as a record of the test vectors says.
#pragma once

#include "helpers.h"
#include "support/vectors.h"

namespace elements {

/// Sets the key that a record's sender used; `material` is that of its generation.
bool set_key(const Provider &provider, const vectors::KeySpec &spec, const Bytes &material = {});

/// Ring, key size, salt and derivation, for keys that are set afterwards.
void set_ring(const Provider &provider, const vectors::KeySpec &spec);

/// An element of the record's scheme.
std::unique_ptr<Element> element_of(const char *factory, const Provider &provider,
                                    const std::string &scheme);

/// Names a test after the record it runs.
inline constexpr auto kIdOfRecord = [](const auto &test) {
  return vectors::test_name(test.param.id);
};

struct Peeked {
  guint64 key_id = 0;
  Bytes iv;
};
/// What can be seen of a frame of these caps without a key.
std::optional<Peeked> peek(const std::string &scheme, const std::string &caps, const Bytes &frame,
                           GstE2EEClearHeader clear = GST_E2EE_CLEAR_HEADER_SCHEME);

}  // namespace elements
