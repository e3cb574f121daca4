// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <string>

#include "common.h"

namespace call {

using ProviderPtr = ObjectPtr<GstE2EEKeyProvider>;

// Everyone's keys, each in a provider of its own as if they ran on different machines.
struct Keys {
  ProviderPtr sender;
  ProviderPtr alice;
  ProviderPtr nokey;
  ProviderPtr wrongkey;
};

// With the passphrase in this file, or with one drawn now when the name is empty.
Keys make_keys(const std::string &passphrase_file);

}  // namespace call
