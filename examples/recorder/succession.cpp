// SPDX-License-Identifier: LGPL-2.1-or-later
#include "succession.h"

#include "format.h"

namespace recorder {
namespace {

bool same_track(GstCaps *one, GstCaps *other) {
  try {
    return one == other || format_from_caps(one).continues(format_from_caps(other));
  } catch (const examples::Failure &) {
    return false;
  }
}

}  // namespace

bool Succession::takes(unsigned connection, Media media, unsigned nth, GstSample *frame) {
  GstCaps *caps = gst_sample_get_caps(frame);
  const std::lock_guard lock(mutex_);
  Newest &newest = newest_[{media, nth}];
  if (connection < newest.connection) {
    const bool fits = same_track(newest.caps.get(), caps);
    left_out_ += !fits;
    return fits;
  }
  newest.connection = connection;
  if (newest.caps.get() != caps)
    newest.caps.reset(caps ? gst_caps_ref(caps) : nullptr);
  return true;
}

}  // namespace recorder
