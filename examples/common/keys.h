// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gst_ptr.h"

namespace examples {

// The keys of a program that stays in a meeting: a provider, and a watch on its keys file.
//
// A file that becomes unreadable or malformed, or takes a minute to read, leaves the keys as they
// are, with an alarm at once and every minute. After `grace` all keys of participants are taken
// away, so that none is used longer that may have been withdrawn; a good file brings them back.
//
// Files are read on a worker: deriving from many passphrases takes seconds. The rest, callbacks
// included, happens on the main context that was the thread's default when this was made.
class Keys {
 public:
  struct Settings {
    std::string provider;               // its string form
    std::string purpose = "recording";  // what keys are for, in alarms
    std::chrono::milliseconds grace = std::chrono::minutes(5);
    std::chrono::milliseconds alarm_every = std::chrono::minutes(1);
    // Where the folder cannot be watched (network file systems) the file is looked at this often.
    std::chrono::milliseconds look_every = std::chrono::seconds(2);
    // A file is loaded once it has not changed for so long.
    std::chrono::milliseconds settle = std::chrono::milliseconds(200);
  };
  struct Events {
    std::function<void(unsigned participants)> reloaded;  // the file had changed
    std::function<void(const std::string &text)> alarm;   // names file and reason
    std::function<void()> recovered;                      // good again after alarms
    // A participant has no key any more, or has one again. Empty: the key that all share.
    std::function<void(const std::string &identity)> withdrawn;
    std::function<void(const std::string &identity)> allowed;
  };

  // Throws when the provider cannot be made, with field and reason.
  Keys(Settings settings, Events events);
  ~Keys();
  Keys(const Keys &) = delete;
  Keys &operator=(const Keys &) = delete;

  GstE2EEKeyProvider *provider() const;
  // Whether there is a key of this participant now, or one that all share.
  bool has_key_of(const std::string &identity) const;

 private:
  class Watch;

  std::shared_ptr<Watch> watch_;
};

}  // namespace examples
