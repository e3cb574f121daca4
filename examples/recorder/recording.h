// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/elements.h"
#include "seal.h"

namespace recorder {

using examples::Media;

// Where recordings go, and what of them is told. Calls come from any thread, one at a time for each
// recording, without a lock held.
struct RecordingEvents {
  struct Closed {
    std::string file;    // its name in the folder
    std::string sha256;  // hex, of the whole file
    std::uint64_t bytes = 0;
    std::uint64_t frames = 0;
    std::string reason;  // left, withdrawn, stopped, codec-changed, disk-full, error ...
  };
  std::function<void(const std::string &identity, const std::string &file)> started;
  std::function<void(const std::string &identity, const Closed &)> closed;
  std::function<void(const std::string &identity, const std::string &problem)> trouble;
};

struct RecordingCounts {
  std::uint64_t video = 0, audio = 0;  // frames written
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;  // frames that arrived and could not be written
  std::string state;       // waiting, recording, withdrawn, disk-full, ended
  std::string file;        // the present one
};

// What is recorded of one participant: a file, and the next one when the codec changes, the disk
// was full, or the recording was withdrawn and allowed again.
//
// push() comes from streaming threads, one for each track; the rest from the main thread.
class Recording {
 public:
  struct Settings {
    int folder = -1;  // descriptor of the output folder, not owned
    std::string identity;
    std::optional<Seal> seal;  // sealed mode: what the frames are encrypted with
    RecordingEvents events;
  };
  explicit Recording(Settings settings);
  ~Recording();

  // A frame with its caps, as decoders want it (open mode) or as it was received (sealed mode: caps
  // name the codec). PTS is running time, the same for all tracks.
  void push(Media media, GstSample *frame);

  void tick();      // every 250 ms: flushes, and tries again after a back-off
  void withdraw();  // ends the file at once; push() drops until allow()
  void allow();
  void finish(const std::string &reason);  // the last file is closed and hashed when this returns
  RecordingCounts counts() const;
};

}  // namespace recorder
