// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <array>
#include <mutex>
#include <vector>

namespace call {

using Digest = std::array<guint8, 32>;

// SHA-256 of every frame that passed a pad, in order.
class FrameLog {
 public:
  // Must outlive `pad`'s data flow.
  void watch(GstPad *pad);

  size_t count() const;
  guint64 bytes() const;
  std::vector<Digest> digests() const;

 private:
  static GstPadProbeReturn on_buffer(GstPad *, GstPadProbeInfo *info, gpointer self);
  void add(GstBuffer *buffer);

  mutable std::mutex mutex_;
  std::vector<Digest> digests_;
  guint64 bytes_ = 0;
};

// How many of `got` are byte for byte one of `sent`, in the order of sending. Equal to got.size()
// when nothing was altered, reordered, repeated or made up; losses do not matter here.
size_t count_in_order(const std::vector<Digest> &sent, const std::vector<Digest> &got);

// How many of `candidates` are byte for byte in `frames`, in any order.
size_t count_common(const std::vector<Digest> &frames, std::vector<Digest> candidates);

}  // namespace call
