/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A key provider as an application writes one, whose answers each test decides.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/providers.h"

namespace e2ee::test {

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

/// Look-ups that end when the test says so, at the latest when this goes.
class Blocking {
 public:
  ~Blocking() { open(); }

  void open() {
    if (!is_open_)
      open_.set_value();
    is_open_ = true;
  }
  /// What then gives `answer`; that is asked for at the start of a look-up.
  CustomKeys::LookUp lookup(CustomKeys::LookUp answer) const;
  /// A provider of its own all of whose keys are raw.
  Provider provider() const;
  /// How many look-ups wait.
  unsigned inside() const { return *inside_; }

 private:
  const std::shared_ptr<std::atomic<unsigned>> inside_ = std::make_shared<std::atomic<unsigned>>(0);
  std::promise<void> open_;
  const std::shared_future<void> opened_ = open_.get_future().share();
  bool is_open_ = false;
};

/// One with these bytes as its current key, and for this KID alone.
Provider provider_of_kid(guint64 kid, const Bytes &base);

}  // namespace e2ee::test
