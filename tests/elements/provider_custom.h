/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A provider that an application wrote, and what it answers.
#pragma once

#include <atomic>
#include <memory>

#include "support/custom_provider.h"
#include "support/element.h"

namespace e2ee::test {

inline CustomKeys::LookUp always(guint8 fill, guint64 id) {
  return [=](const std::string &, guint64, GError **) { return raw_material(fill, id); };
}

inline CustomKeys::LookUp while_set(const std::atomic<bool> &there) {
  return [&there](const std::string &, guint64, GError **) {
    return there ? raw_material(1, 0) : nullptr;
  };
}

class Custom : public testing::Test {
 protected:
  // Frames under the key that providers here hand out.
  Bytes sealed_with(guint8 fill, guint index) {
    return seal(raw_provider(fill, index), kOpus, kPlain);
  }

  const std::shared_ptr<CustomKeys> keys = std::make_shared<CustomKeys>();
  const Provider provider = custom_provider(keys);
};

}  // namespace e2ee::test
