/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vector>

#include "core/clock.h"
#include "keybinding.h"

namespace e2ee {

/// What an audit wants to know of the keys that a cryptor works with: told with the provider's
/// key-used signal when the key changes, at most once a second, and every ten seconds. For one
/// thread at a time.
class KeyUse {
 public:
  /// All outlive this.
  KeyUse(GstE2EEKeyProvider *provider, KeyBinding &binding, const char *aead)
      : provider_(provider), binding_(binding), aead_(aead) {}
  KeyUse(const KeyUse &) = delete;
  KeyUse &operator=(const KeyUse &) = delete;

  void passed(const KeyRef &key, bool encrypts);
  /// Also of a key under which no frame has ever verified.
  void failed(const KeyRef &key);

  /// Tells of keys that `ring` no longer has, and lets go of them.
  void retain(const KeyRing &ring);
  /// Tells of all, and begins anew.
  void report();

 private:
  struct Counts {
    bool encrypts = false;
    Clock::time_point first{};
    Clock::time_point last{};
    std::uint64_t frames = 0;
    std::uint64_t failures = 0;
  };
  struct Use {
    KeyRef key;
    Counts counts;
  };

  Use &use_of(const KeyRef &key, Clock::time_point now);
  void tell(const Use &use);

  GstE2EEKeyProvider *provider_;
  KeyBinding &binding_;
  const char *aead_;       // the back end that works with the keys
  std::vector<Use> uses_;  // the key of the last frame behind the others
  Clock::time_point told_{};
};

}  // namespace e2ee
