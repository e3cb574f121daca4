// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/e2ee/e2ee.h>

#include <string>

#include "common/gst_ptr.h"

namespace camera {

// The keys of one viewer's session: base keys that are drawn here and used nowhere else. Each goes
// into a file that only its owner can read, for whoever tells the viewer.
class SessionKeys {
 public:
  // How many bits of a KID are the ratchet step.
  explicit SessionKeys(unsigned ratchet_bits);

  GstE2EEKeyProvider *provider() const { return GST_E2EE_KEY_PROVIDER(provider_.get()); }

  // Draws a key and writes it to `file`, which must not be there yet. It encrypts nothing before
  // use(). Its KID. Throws Failure.
  guint64 draw(const std::string &file);
  // What was drawn last encrypts from now on; the key before it is gone with the next draw().
  // Throws Failure when nothing was drawn since.
  guint64 use();
  // One step on from the key in use; the KID that frames have then.
  guint64 ratchet();

 private:
  guint64 kid(guint index) const { return guint64{index} << ratchet_bits_; }
  void forget_retired();

  const unsigned ratchet_bits_;
  const examples::ObjectPtr<GstE2EESharedKeyProvider> provider_;
  guint drawn_ = 0, used_ = 0, retired_ = 0;  // key indices; 0: none
  guint64 steps_ = 0;
};

}  // namespace camera
