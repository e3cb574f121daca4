/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Frames in the clear: those that a media server makes, and the mark of those that pass.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "buffers/counters.h"
#include "e2ee-enums.h"

namespace e2ee {

/// Marks a frame in the clear that passes, and counts it. Takes the buffer.
GstBuffer *mark_unprotected(GstBuffer *buffer, Counters &counters);

/// Tells frames that the media server makes, by their trailer.
class ServerFrames {
 public:
  /// Which of them are to pass. `trailer` in hex digits; empty: that of the scheme. False, with an
  /// error, when it cannot be one.
  bool configure(GstE2EEServerFrames wanted, const std::string &trailer, GError **error);
  /// What all servers of the scheme use; empty where each announces its own.
  void set_scheme_trailer(ByteView trailer) {
    if (trailer_.empty())
      trailer_.assign(trailer.begin(), trailer.end());
  }

  enum class Kind { no, unwanted, wanted };
  /// Whether the server made this frame; counts it then. A wanted one loses its trailer.
  Kind take(GstBuffer *&buffer, Counters &counters) const {
    return trailer_.empty() ? Kind::no : look_at(buffer, counters);
  }

 private:
  Kind look_at(GstBuffer *&buffer, Counters &counters) const;

  GstE2EEServerFrames wanted_ = GST_E2EE_SERVER_FRAMES_DROP;
  std::vector<std::uint8_t> trailer_;
};

}  // namespace e2ee
