/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Elements set up as a record of the test vectors says.
#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/element.h"
#include "support/vectors.h"

namespace e2ee::test {

/// Sets the key that a record's sender used; `material` is that of its generation.
bool set_key(const Provider &provider, const vectors::KeySpec &spec, const Bytes &material = {});

/// Ring, key size, salt and derivation, for keys that are set afterwards.
void set_ring(const Provider &provider, const vectors::KeySpec &spec);

/// A provider as the record's receiver has it, and its keys; `material` as above.
Provider provider_of(const vectors::Record &record, const Bytes &material = {});

/// The caps of a codec as records name it; null when there are none.
const char *caps_of(const std::string &codec);

/// The value of GstE2EEScheme with this name.
GstE2EEScheme scheme_of(const std::string &nick);

/// An element of the record's scheme.
std::unique_ptr<Element> element_of(const char *factory, const Provider &provider,
                                    const std::string &scheme);

/// The first record of each kind, and those that cannot be read. The core runs all of them.
template <typename Item, typename KindOf>
std::vector<Item> first_of_each(const std::vector<Item> &items, KindOf kind_of) {
  std::vector<Item> chosen;
  std::set<decltype(kind_of(items.front()))> seen;
  std::copy_if(items.begin(), items.end(), std::back_inserter(chosen), [&](const Item &item) {
    return !item.error.empty() || seen.insert(kind_of(item)).second;
  });
  return chosen;
}

struct Peeked {
  guint64 key_id = 0;
  Bytes iv;
};
/// What can be seen of a frame of these caps without a key.
std::optional<Peeked> peek(const std::string &scheme, const std::string &caps, const Bytes &frame,
                           GstE2EEClearHeader clear = GST_E2EE_CLEAR_HEADER_SCHEME);

}  // namespace e2ee::test
