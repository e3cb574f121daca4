/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include <mutex>

namespace e2ee {

/// Caps that are refused are sent again with each frame: the error is posted once. Thread-safe.
class CapsRefusal {
 public:
  ~CapsRefusal() { forget(); }
  /// False when these caps were refused before.
  bool is_news(GstCaps *caps);
  void forget();

 private:
  std::mutex mutex_;
  GstCaps *caps_ = nullptr;
};

}  // namespace e2ee
