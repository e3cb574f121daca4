/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "capsrefusal.h"

namespace e2ee {

bool CapsRefusal::is_news(GstCaps *caps) {
  std::lock_guard lock(mutex_);
  if (caps_ != nullptr && gst_caps_is_equal(caps_, caps))
    return false;
  gst_caps_replace(&caps_, caps);
  return true;
}

void CapsRefusal::forget() {
  std::lock_guard lock(mutex_);
  gst_clear_caps(&caps_);
}

}  // namespace e2ee
