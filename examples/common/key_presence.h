// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gst_ptr.h"

namespace examples {

// Follows who has a key: says when someone has none left, and when they have one again. A provider
// tells of changes on any thread; `told` is called on the main context that was the thread's
// default when this was made, until this is gone.
class KeyPresence {
 public:
  using Told = std::function<void(const std::string &identity, bool has_key)>;

  KeyPresence(GstE2EEKeyProvider *provider, Told told);
  ~KeyPresence();
  KeyPresence(const KeyPresence &) = delete;
  KeyPresence &operator=(const KeyPresence &) = delete;

 private:
  class Inbox;

  examples::ObjectPtr<GstE2EEKeyProvider> provider_;
  std::shared_ptr<Inbox> inbox_;
  std::vector<gulong> handlers_;
};

}  // namespace examples
