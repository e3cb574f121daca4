/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A key provider as an application writes one, whose answers each test decides.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "helpers.h"

namespace elements {

struct CustomKeys {
  using LookUp = std::function<GstE2EEKeyMaterial *(const std::string &participant, guint64 key_id,
                                                    GError **error)>;
  LookUp lookup;   // not set: there is no such key
  LookUp current;  // key_id is 0

  /// One call that says: the receive side proved a later generation.
  struct Ratcheted {
    std::optional<std::string> participant;  // none: NULL
    guint64 key_id = 0;
    guint64 generation = 0;
    std::shared_ptr<GstE2EEKeyMaterial> material;
    std::thread::id thread;
  };

  std::mutex mutex;  // of the rest
  std::vector<Ratcheted> ratcheted;
  std::set<std::thread::id> threads;
  std::vector<std::pair<std::string, guint64>> asked;
  std::atomic<unsigned> calls{0};
  std::atomic<unsigned> inside{0};
  std::atomic<unsigned> most_inside{0};
};

/// The provider keeps `keys` until it is finalised.
Provider custom_provider(const std::shared_ptr<CustomKeys> &keys);

/// One with these bytes as its current key, and for this KID alone.
Provider provider_of_kid(guint64 kid, const Bytes &base);

}  // namespace elements
